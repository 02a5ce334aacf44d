"""Property tests have no time limit per example: a busy machine is no fault."""

from hypothesis import settings

settings.register_profile("cauce", deadline=None)
settings.load_profile("cauce")
