"""From function folders to what the host can run: every function is set up by itself, so one fault spoils only one."""

import contextlib
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from azure.storage.blob.aio import BlobServiceClient

from local.host.blobtrigger import BlobFunction, compile_path
from local.host.functions import Function, function_folders, read_function
from local.host.routes import Route, http_route
from local.host.settings import HostConfig, HostSettingsError, connection, resolve
from local.host.timers import TimerFunction
from local.host.worker import Worker

log = logging.getLogger("host.startup")

HOST_STORAGE = "AzureWebJobsStorage"


class StorageAccounts:
    """One blob client per connection string, all closed together."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._services: dict[str, BlobServiceClient] = {}

    def blobs(self, name: str) -> BlobServiceClient:
        """The account behind a connection setting.

        :raises HostSettingsError: the setting is missing or is no connection string.
        """
        text = connection(name, self._environment)
        if text not in self._services:
            try:
                self._services[text] = BlobServiceClient.from_connection_string(
                    text, retry_total=0, connection_timeout=5, read_timeout=60
                )
            except ValueError as error:
                msg = f"{name} is not a storage connection string: {error}"
                raise HostSettingsError(msg) from error
        return self._services[text]

    async def close(self) -> None:
        """Close all clients."""
        for service in self._services.values():
            await service.close()


@dataclass(slots=True)
class Assembly:
    """The app's functions, by name and by trigger; ``faults`` says why a function is not among them."""

    functions: dict[str, Function] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    timers: dict[str, TimerFunction] = field(default_factory=dict)
    blobs: dict[str, BlobFunction] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


class Assembler:
    """Sets up the functions of one app."""

    def __init__(
        self, worker: Worker, config: HostConfig, environment: Mapping[str, str], accounts: StorageAccounts
    ) -> None:
        self._worker = worker
        self._config = config
        self._environment = environment
        self._accounts = accounts

    async def assemble(self, root: Path) -> Assembly:
        """Read, check and import every function. What modules print meanwhile goes to standard error."""
        assembly = Assembly()
        for folder in function_folders(root):
            with contextlib.redirect_stdout(sys.stderr):
                fault = await self._add(assembly, folder)
            if fault is not None:
                assembly.faults[folder.name] = fault
                log.error("The '%s' function is in error: %s", folder.name, fault)
        if not assembly.functions:
            log.warning("no functions found in %s", root)
        return assembly

    async def _add(self, assembly: Assembly, folder: Path) -> str | None:
        try:
            function = read_function(folder, self._environment)
            part = self._part(function)
        except ValueError as error:
            return str(error)
        fault = await self._worker.load(function)
        if fault is not None:
            return fault
        assembly.functions[function.name] = function
        log.info("%s: %s%s", function.name, _described(part), " (disabled)" if function.disabled else "")
        match part:
            case Route():
                if not function.disabled:
                    assembly.routes.append(part)
            case TimerFunction():
                assembly.timers[function.name] = part
            case BlobFunction():
                assembly.blobs[function.name] = part
        return None

    def _part(self, function: Function) -> Route | TimerFunction | BlobFunction:
        """What the trigger needs.

        :raises ValueError: a setting is missing or malformed; the message names it.
        """
        options = function.trigger.options
        if function.trigger.type == "httpTrigger":
            return http_route(function, self._config.route_prefix)
        self._accounts.blobs(HOST_STORAGE)
        if function.trigger.type == "timerTrigger":
            return TimerFunction.of(function, resolve(str(options.get("schedule", "")), self._environment))
        if options.get("source") != "EventGrid":
            msg = "a blobTrigger needs source EventGrid: this host does not scan containers"
            raise HostSettingsError(msg)
        service = self._accounts.blobs(str(options.get("connection") or HOST_STORAGE))
        path = resolve(str(options.get("path", "")), self._environment)
        return BlobFunction(function, service, compile_path(path))


def _described(part: Route | TimerFunction | BlobFunction) -> str:
    match part:
        case Route():
            return f"[{','.join(sorted(part.methods))}] {part.template.text} ({part.auth_level})"
        case TimerFunction():
            return f"timer {part.schedule.expression}{'' if part.monitored else ', without stored status'}"
        case BlobFunction():
            return f"blob {part.function.trigger.options['path']}"
