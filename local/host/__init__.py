"""A host for the v1 programming model where Core Tools cannot be installed: ``python -m local.host``.

Functions run in Microsoft's own worker library, so their arguments, their load errors and their exceptions are the real
ones. The host around it is an imitation. It differs from the real one in this:

- Triggers: HTTP, timers, and blobs by Event Grid. No other bindings, no container scan, no identity-based connections.
- One process: a function that crashes the interpreter takes the host along. At the time limit the real host ends the
  worker process; here the run is reported as failed, and a sync function goes on in its thread, unheard.
- No lock between hosts: two hosts on one storage account both fire their timers. Messages are shared properly.
- ``/admin`` and ``/runtime`` need no key from this machine, as with ``func start``, but a wrong key is refused.
- Failed blobs wait ``CAUCE_HOST_RETRY_SECONDS`` (1, doubling) before they are repeated; the real host repeats at once.
  ``CAUCE_HOST_VISIBILITY_SECONDS`` (600) says how soon the work of a killed host is taken up again.
- An event for an unknown function is dropped with a warning where the real host only leaves a debug line.
- No CORS, no response compression, no proxies, no home page.
"""
