"""App settings and host.json, read as Core Tools and the real host read them."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

_PERCENT = re.compile(r"%([^%]+)%")
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_HOST_JSON_OVERRIDE = "AzureFunctionsJobHost__"


class HostSettingsError(ValueError):
    """A setting or a file of the app is missing or makes no sense; the message names it."""


def apply_local_settings(root: Path, environment: MutableMapping[str, str]) -> Path | None:
    """Take ``Values`` of local.settings.json, else of the example, for names that the environment lacks.

    :return: the file that was read, if any.
    """
    for name in ("local.settings.json", "local.settings.example.json"):
        path = root / name
        if path.is_file():
            for key, value in read_json(path).get("Values", {}).items():
                environment.setdefault(key, str(value))
            return path
    return None


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace every ``%NAME%`` by that setting.

    :raises HostSettingsError: a setting is not there.
    """

    def setting(match: re.Match[str]) -> str:
        value = environment.get(match[1])
        if value is None:
            msg = f"'{text}': the setting {match[1]} is not set"
            raise HostSettingsError(msg)
        return value

    return _PERCENT.sub(setting, text)


def connection(name: str, environment: Mapping[str, str]) -> str:
    """The storage connection string that ``name`` stands for in function.json.

    :raises HostSettingsError: it is not set, or is an identity-based one, which needs Azure.
    """
    value = environment.get(name) or environment.get(f"AzureWebJobs{name}")
    if value:
        return value
    if any(key.startswith(f"{name}__") for key in environment):
        msg = f"{name} is an identity-based connection; this host takes connection strings only"
        raise HostSettingsError(msg)
    msg = f"the connection setting {name} is not set"
    raise HostSettingsError(msg)


def parse_time_span(text: str) -> timedelta:
    """A .NET TimeSpan, ``[days.]hh:mm:ss[.fraction]``.

    :raises HostSettingsError: it is none.
    """
    match = _TIME_SPAN.fullmatch(text)
    if match is None:
        msg = f"expected a time span such as 00:30:00, got '{text}'"
        raise HostSettingsError(msg)
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    return timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds) + float(f"0.{fraction}")
    )


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What host.json decides, with the real host's defaults."""

    route_prefix: str = "api"
    function_timeout_seconds: float | None = 30 * 60.0
    blob_parallelism: int = 8 * (os.cpu_count() or 1)
    poison_blob_threshold: int = 5
    log_level: str = "Information"

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "HostConfig":
        """Read a parsed host.json.

        :raises HostSettingsError: a value has the wrong form.
        """
        defaults = cls()
        extensions = stored.get("extensions", {})
        blobs = extensions.get("blobs", {})
        return cls(
            route_prefix=str(extensions.get("http", {}).get("routePrefix", defaults.route_prefix)).strip("/"),
            function_timeout_seconds=_timeout(stored.get("functionTimeout")),
            blob_parallelism=_positive(blobs, "maxDegreeOfParallelism", defaults.blob_parallelism),
            poison_blob_threshold=_positive(blobs, "poisonBlobThreshold", defaults.poison_blob_threshold),
            log_level=str(stored.get("logging", {}).get("logLevel", {}).get("default", defaults.log_level)),
        )


def read_host_config(root: Path, environment: Mapping[str, str]) -> HostConfig:
    """host.json, with ``AzureFunctionsJobHost__a__b`` settings laid over it."""
    stored = read_json(root / "host.json")
    for key, value in environment.items():
        if key.startswith(_HOST_JSON_OVERRIDE):
            _overlay(stored, key.removeprefix(_HOST_JSON_OVERRIDE).split("__"), value)
    return HostConfig.from_json(stored)


def host_id(root: Path, environment: Mapping[str, str]) -> str:
    """What keeps two apps apart in one storage account; stable for one folder."""
    chosen = environment.get("AzureFunctionsWebHost__hostid")
    return chosen or f"local-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    :raises HostSettingsError: the file is missing or is not a JSON object.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"{path} does not exist"
        raise HostSettingsError(msg) from error
    except ValueError as error:
        msg = f"{path} is not JSON: {error}"
        raise HostSettingsError(msg) from error
    if not isinstance(stored, dict):
        msg = f"{path}: expected a JSON object"
        raise HostSettingsError(msg)
    return stored


def _timeout(text: str | None) -> float | None:
    """Seconds; None without limit (``-1``)."""
    if text is None:
        return HostConfig().function_timeout_seconds
    return None if text == "-1" else parse_time_span(text).total_seconds()


def _positive(section: Mapping[str, Any], name: str, default: int) -> int:
    try:
        value = int(section.get(name, default))
    except (TypeError, ValueError) as error:
        msg = f"host.json: {name} must be a number, got {section[name]!r}"
        raise HostSettingsError(msg) from error
    if value < 1:
        msg = f"host.json: {name} must be at least 1, got {value}"
        raise HostSettingsError(msg)
    return value


def _overlay(stored: dict[str, Any], path: list[str], value: str) -> None:
    """Set one value deep in ``stored``; names are matched without regard to case, as .NET does."""
    for part in path[:-1]:
        stored = stored.setdefault(_spelled(stored, part), {})
    stored[_spelled(stored, path[-1])] = value


def _spelled(stored: Mapping[str, Any], name: str) -> str:
    return next((key for key in stored if key.lower() == name.lower()), name)
