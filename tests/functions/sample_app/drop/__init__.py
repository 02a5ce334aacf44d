"""Does what the blob says."""

import time

import azure.functions as func
from recorder import record, records


def main(blob: func.InputStream) -> None:
    content = blob.read().decode()
    again = any(seen.get("name") == blob.name for seen in records())
    record(
        "drop",
        name=blob.name,
        uri=blob.uri,
        length=blob.length,
        content=content,
        metadata=blob.metadata,
        properties=blob.blob_properties,
    )
    if content == "fail":
        message = "this drop always fails"
        raise ValueError(message)
    if content == "slow" and not again:
        time.sleep(60)
    if content == "longer than its message is hidden":
        time.sleep(3.2)
