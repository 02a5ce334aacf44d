"""The function folders of an app: function.json of the v1 programming model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.host.retry import RetryPolicy
from local.host.settings import HostSettingsError, read_json

TRIGGERS = ("httpTrigger", "timerTrigger", "blobTrigger")
_SUPPORTED = (*TRIGGERS, "http")


@dataclass(frozen=True, slots=True)
class Binding:
    """One entry of ``bindings``; ``options`` is the entry as written."""

    name: str
    type: str
    direction: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """One function as declared; its code has not been imported."""

    name: str
    folder: Path
    script: Path
    entry_point: str
    trigger: Binding
    bindings: tuple[Binding, ...]
    retry: RetryPolicy | None = None
    disabled: bool = False

    @property
    def http_output(self) -> str | None:
        """The name of the binding that carries the HTTP response: ``$return`` or a parameter."""
        return next((binding.name for binding in self.bindings if binding.type == "http"), None)


def function_folders(root: Path) -> list[Path]:
    """The folders right under ``root`` that hold a function.json, in order of name."""
    return sorted(path.parent for path in root.glob("*/function.json"))


def read_function(folder: Path, environment: Mapping[str, str]) -> Function:
    """Read one function.json.

    :raises HostSettingsError: it is malformed, or uses a binding that this host does not drive.
    """
    stored = read_json(folder / "function.json")
    bindings = tuple(_bindings(stored))
    triggers = [binding for binding in bindings if binding.type.endswith("Trigger")]
    if len(triggers) != 1:
        msg = f"expected exactly one trigger, got {[trigger.type for trigger in triggers]}"
        raise HostSettingsError(msg)
    retry = stored.get("retry")
    return Function(
        name=folder.name,
        folder=folder,
        script=(folder / stored.get("scriptFile", "__init__.py")).resolve(),
        entry_point=str(stored.get("entryPoint", "")),
        trigger=triggers[0],
        bindings=bindings,
        retry=RetryPolicy.from_json(retry) if retry else None,
        disabled=_disabled(stored, folder.name, environment),
    )


def _bindings(stored: Mapping[str, Any]) -> Iterator[Binding]:
    for entry in stored.get("bindings", []):
        try:
            binding = Binding(str(entry["name"]), str(entry["type"]), str(entry.get("direction", "in")).lower(), entry)
        except (KeyError, TypeError) as error:
            msg = f"a binding needs a name and a type, got {entry!r}"
            raise HostSettingsError(msg) from error
        if binding.type not in _SUPPORTED:
            msg = f"binding '{binding.name}': this host drives {', '.join(_SUPPORTED)}, not {binding.type}"
            raise HostSettingsError(msg)
        yield binding


def _disabled(stored: Mapping[str, Any], name: str, environment: Mapping[str, str]) -> bool:
    setting = environment.get(f"AzureWebJobs.{name}.Disabled", str(stored.get("disabled", False)))
    return setting.lower() in ("true", "1")
