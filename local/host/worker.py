"""Microsoft's own worker library for the v1 model, driven in this process.

Its requests are protobuf messages, whose modules the wheel carries under ``tests/protos`` by a packaging accident. They
are imported from there under a private name, so that no ``tests`` package and no path has to be on ``sys.path``.
Invocations go through the library's protobuf-free entry, which runs the same code on the same types.
"""

import importlib
import importlib.metadata
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import azure_functions_runtime_v1 as library
from azure_functions_runtime_v1.bindings.datumdef import Datum
from azure_functions_runtime_v1.native_invocation import invocation_request_native

from local.host.functions import Function

__all__ = ["Datum", "Result", "Worker", "current_invocation_id"]

_PRIVATE_PACKAGE = "_azure_functions_protos"
_PROTO_MODULES = ("FunctionRpc_pb2", "shared.NullableTypes_pb2", "identity.ClaimsIdentityRpc_pb2")


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of a function gave; ``trace`` is the worker's text of the exception, stack and causes included."""

    ok: bool
    returned: Datum | None = None
    outputs: Sequence[tuple[str, Datum]] = ()
    error: str | None = None
    trace: str | None = None


class Worker:
    """The library, ready to load functions and to run them."""

    def __init__(self, protos: ModuleType) -> None:
        self._protos = protos

    @classmethod
    async def start(cls, root: Path) -> Self:
        """Prepare the library for the app at ``root``, which becomes importable as in Azure."""
        protos = _load_protos()
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        library.start_threadpool_executor()
        await library.worker_init_request(_request(protos, worker_init_request=protos.WorkerInitRequest()))
        _report_failures_once()
        return cls(protos)

    async def load(self, function: Function) -> str | None:
        """Import the function and check it against its function.json; the worker's own words when that fails."""
        protos = self._protos
        metadata = protos.RpcFunctionMetadata(
            name=function.name,
            directory=str(function.folder),
            script_file=str(function.script),
            entry_point=function.entry_point,
            bindings={
                binding.name: protos.BindingInfo(
                    type=binding.type, direction=protos.BindingInfo.Direction.Value(_direction(binding.direction))
                )
                for binding in function.bindings
            },
        )
        request = protos.FunctionLoadRequest(function_id=function.name, metadata=metadata)
        response = await library.function_load_request(_request(protos, function_load_request=request))
        if response.result.status == protos.StatusResult.Success:
            return None
        exception = response.result.exception
        return f"{exception.message}\n{exception.stack_trace}".rstrip()

    async def invoke(
        self,
        function: Function,
        invocation_id: str,
        trigger: Datum,
        metadata: Mapping[str, Datum],
        *,
        retry: tuple[int, int] = (0, 0),
    ) -> Result:
        """Run a loaded function once. ``retry`` is the count so far and the most there can be."""
        ok, returned, outputs, error, trace = await invocation_request_native(
            invocation_id,
            function.name,
            [(function.trigger.name, trigger)],
            metadata,
            retry_count=retry[0],
            max_retry_count=retry[1],
        )
        return Result(ok, returned, outputs, error, trace)


def current_invocation_id() -> str | None:
    """Of the run that this thread or task is in the middle of."""
    invocation_id: str | None = library.invocation_id_cv.get()
    return invocation_id


def _direction(text: str) -> str:
    return {"in": "in", "out": "out", "inout": "inout"}.get(text, "in")


def _request(protos: ModuleType, **content: Any) -> SimpleNamespace:
    """What the library's handlers take: the message, and the modules to answer with."""
    return SimpleNamespace(request=SimpleNamespace(**content), properties={"protos": protos, "host": "127.0.0.1"})


def _load_protos() -> ModuleType:
    """One module that holds every message class, as the library expects it."""
    folder = importlib.metadata.distribution("azure-functions-runtime-v1").locate_file("tests/protos")
    package = ModuleType(_PRIVATE_PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[_PRIVATE_PACKAGE] = package
    merged = ModuleType(f"{_PRIVATE_PACKAGE}.all")
    for name in _PROTO_MODULES:
        part = importlib.import_module(f"{_PRIVATE_PACKAGE}.{name}")
        vars(merged).update({key: value for key, value in vars(part).items() if not key.startswith("_")})
    return merged


def _report_failures_once() -> None:
    """The library logs the failures that it also returns, and the host logs what is returned."""
    logging.getLogger("azure.functions").addFilter(lambda record: record.levelno < logging.ERROR)
