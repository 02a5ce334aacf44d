"""What the command line's words stand for: this machine's settings, and a use case by its model's name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from local.azurite import PROJECT_ROOT
from local.host.settings import apply_local_settings
from shared.errors import SettingsError
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.catalog.load import Catalog
    from shared.catalog.spec import UseCase


def local_settings() -> Settings:
    """The environment's settings, completed by local.settings.json. Raises SettingsError."""
    environment = dict(os.environ)
    apply_local_settings(PROJECT_ROOT, environment)
    return Settings.from_env(environment)


def use_case_of(model: str, catalog: Catalog) -> UseCase:
    """The use case whose model has this name. Raises SettingsError naming those that there are."""
    use_case = catalog.model(model)
    if use_case is None:
        known = ", ".join(case.model.name for case in catalog.use_cases)
        msg = f"there is no model {model!r} in the catalog; there is: {known}"
        raise SettingsError(msg)
    return use_case
