"""Blob-triggered functions: from a blob's name to the InputStream that the function reads."""

import json
import re
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient

from local.host.functions import Function
from local.host.invoker import Call, Invoker
from local.host.settings import HostSettingsError
from local.host.worker import Datum, Result

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class BlobFunction:
    """A function with its storage account and its compiled ``path``."""

    function: Function
    service: BlobServiceClient
    path: re.Pattern[str]


def compile_path(path: str) -> re.Pattern[str]:
    """``drops/{dataset}/{name}`` as a pattern over ``container/blob``; each parameter takes as much as it can.

    :raises HostSettingsError: there is no blob name in it, or a parameter comes twice.
    """
    if not path.partition("/")[2]:
        msg = f"path must be container/blob, got '{path}'"
        raise HostSettingsError(msg)
    try:
        pieces = _PARAMETER.split(path)
        names = iter(pieces[1::2])
        texts = [re.escape(piece) for piece in pieces[0::2]]
        return re.compile(texts[0] + "".join(f"(?P<{next(names)}>.*){text}" for text in texts[1:]))
    except re.error as error:
        msg = f"path '{path}': {error}"
        raise HostSettingsError(msg) from error


async def run_for_blob(invoker: Invoker, target: BlobFunction, container: str, name: str) -> Result | None:
    """Download the blob whole, as the real host does for Python's v1 model, and run the function on it.

    The blob need not fit the function's path: the real host does not check that either for Event Grid.

    :return: None when the blob is gone.
    :raises AzureError: the account did not answer.
    """
    client = target.service.get_blob_client(container, name)
    try:
        download = await client.download_blob()
        content = await download.readall()
    except ResourceNotFoundError:
        return None
    metadata = trigger_metadata(f"{container}/{name}", client.url, download.properties, target.path)
    binary = target.function.trigger.options.get("dataType") != "string"
    trigger = Datum(content, "bytes") if binary else Datum(content.decode(), "string")
    return await invoker.run(Call(target.function, trigger, metadata, f"New blob detected: {container}/{name}"))


def trigger_metadata(full_name: str, url: str, properties: BlobProperties, path: re.Pattern[str]) -> dict[str, Datum]:
    """The keys that the library reads an InputStream's name, address, length and properties from, and bound names."""
    bound = path.fullmatch(full_name)
    names = {name: Datum(value, "string") for name, value in bound.groupdict().items()} if bound else {}
    return names | {
        "BlobTrigger": Datum(full_name, "string"),
        "Uri": Datum(json.dumps(url), "json"),
        "Properties": Datum(json.dumps(_properties(properties)), "json"),
        "Metadata": Datum(json.dumps(dict(properties.metadata or {})), "json"),
    }


def _properties(blob: BlobProperties) -> dict[str, Any]:
    """The main ones of .NET's BlobProperties, under their .NET names."""
    settings = blob.content_settings
    return {
        "LastModified": blob.last_modified.isoformat(),
        "CreatedOn": blob.creation_time.isoformat(),
        "Metadata": dict(blob.metadata or {}),
        "ContentLength": blob.size,
        "ContentType": settings.content_type,
        "ContentEncoding": settings.content_encoding,
        "ETag": blob.etag,
    }
