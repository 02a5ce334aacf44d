"""The local host as a child process: timers, blobs and the orderly end, on the sample app and a real Azurite."""

import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from local.azurite import Azurite
from local.eventgrid import EventGridRelay, Subscription
from local.launch import RunningHost
from local.waiting import wait_until
from tests.functions.sample import App, announce, call, drop, has_moved_on, make_app, pretend_missed

# Timers


def test_timer_by_hand(sample_host: RunningHost, sample_app: App) -> None:
    """202 at once; the run is not past due, and knows when the next one is. A disabled timer can be run, too."""
    assert call(sample_host.url, "POST", "/admin/functions/switchedoff", b"{}").status == 202
    assert wait_until(lambda: sample_app.records("switchedoff"))[0]["past_due"] is False
    wait_until(lambda: sample_app.records("nightly", past_due=True))
    wait_until(lambda: call(sample_host.url, "POST", "/admin/functions/nightly", b'{"input": ""}').status == 202)
    by_hand = wait_until(lambda: sample_app.records("nightly", past_due=False))[0]
    assert datetime.fromisoformat(by_hand["status"]["Next"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "body", "status"), [("nope", b"{}", 404), ("opened", b"{}", 400), ("nightly", b"", 400)]
)
def test_wrong_manual_runs(sample_host: RunningHost, name: str, body: bytes, status: int) -> None:
    """Unknown functions, HTTP functions, and bodies that are not JSON."""
    assert call(sample_host.url, "POST", f"/admin/functions/{name}", body).status == status


def test_timer_on_schedule(sample_host: RunningHost, sample_app: App) -> None:
    """Every second; a timer this frequent has no stored status. The disabled one stays silent."""
    wait_until(lambda: len(sample_app.records("everysecond")) >= 2)
    assert sample_app.records("everysecond")[0] == {"kind": "everysecond", "past_due": False, "status": {}}


def test_missed_run_is_caught_up(sample_host: RunningHost, sample_app: App, service: BlobServiceClient) -> None:
    """Once, past due, with the missed occurrence as Next; then the status lies ahead."""
    caught_up = wait_until(lambda: sample_app.records("nightly", past_due=True))
    assert [one["status"]["Next"] for one in caught_up] == [sample_app.environment["MISSED"]]
    wait_until(lambda: has_moved_on(sample_app, service, "nightly"))


# Blobs


def test_blob_function(sample_host: RunningHost, sample_app: App, service: BlobServiceClient) -> None:
    """From the webhook to an InputStream with name, address, length, properties and metadata."""
    name = drop(service, "a,b\n1,2\n", origin="test")
    assert announce(sample_host.url, service.url, name) == 202
    seen = wait_until(lambda: sample_app.records("drop", name=f"drops/{name}"))[0]
    assert (seen["content"], seen["length"], seen["metadata"]) == ("a,b\n1,2\n", 8, {"origin": "test"})
    assert seen["uri"] == f"{service.url}drops/{name}"
    assert seen["properties"]["ContentLength"] == 8


def test_blob_function_by_hand(sample_host: RunningHost, sample_app: App, service: BlobServiceClient) -> None:
    """The admin endpoint takes container/blob as input."""
    name = drop(service, "by hand")
    body = json.dumps({"input": f"drops/{name}"}).encode()
    assert call(sample_host.url, "POST", "/admin/functions/drop", body).status == 202
    wait_until(lambda: sample_app.records("drop", content="by hand"))


def test_webhook_refusals(sample_host: RunningHost, service: BlobServiceClient) -> None:
    """The header is needed; an unknown function is a 202 that leads nowhere; the handshake is answered."""
    path = "/runtime/webhooks/blobs?functionName=Host.Functions.drop"
    assert call(sample_host.url, "POST", path, b"[]").status == 400
    assert call(sample_host.url, "POST", path, b"{", aeg_event_type="Notification").status == 400
    assert announce(sample_host.url, service.url, "x.csv", function="nope") == 202
    assert "functionName=nope is no blob function" in sample_host.output.read_text()
    handshake = json.dumps([{"data": {"validationCode": "abc"}}]).encode()
    answer = call(sample_host.url, "POST", path, handshake, aeg_event_type="SubscriptionValidation")
    assert (answer.status, answer.json) == (200, {"validationResponse": "abc"})


def test_failing_blob_ends_in_the_poison_queue(
    sample_host: RunningHost, sample_app: App, service: BlobServiceClient, azurite: Azurite
) -> None:
    """As many attempts as host.json allows, then the message is put aside."""
    name = drop(service, "fail")
    announce(sample_host.url, service.url, name)
    poison = QueueClient.from_connection_string(
        azurite.connection_string, "webjobs-blobtrigger-poison", message_decode_policy=TextBase64DecodePolicy()
    )

    def poisoned() -> list[str]:
        try:
            return [str(message.content) for message in poison.peek_messages(32) if name in str(message.content)]
        except ResourceNotFoundError:
            return []

    with poison:
        message = json.loads(wait_until(poisoned)[0])
    assert (message["FunctionId"], message["BlobName"]) == ("Host.Functions.drop", name)
    assert len(sample_app.records("drop", name=f"drops/{name}")) == 2


def test_blob_that_is_gone(sample_host: RunningHost, sample_app: App, service: BlobServiceClient) -> None:
    """Its message is dropped as done, and the function is not bothered."""
    name = f"phone/{uuid.uuid4().hex}.csv"
    announce(sample_host.url, service.url, name)
    wait_until(lambda: f"drops/{name} is gone" in sample_host.output.read_text())
    assert not sample_app.records("drop", name=f"drops/{name}")


def test_long_run_is_not_repeated(sample_host: RunningHost, sample_app: App, service: BlobServiceClient) -> None:
    """A message is kept hidden while its function runs, however long that takes."""
    name = drop(service, "longer than its message is hidden")
    announce(sample_host.url, service.url, name)
    wait_until(lambda: sample_host.output.read_text().count(f"New blob detected: drops/{name}"))
    time.sleep(4)
    assert len(sample_app.records("drop", name=f"drops/{name}")) == 1


def test_relay_announces_drops(
    sample_host: RunningHost, sample_app: App, azurite: Azurite, service: BlobServiceClient
) -> None:
    """A written blob runs the function, a rewritten one runs it again; what was there before does not."""
    old, name = drop(service, "old"), f"sales/{uuid.uuid4().hex}.csv"
    relay = EventGridRelay(
        azurite.connection_string,
        sample_host.url,
        subscription=Subscription("drops", "drop"),
        skip_existing=True,
        poll_seconds=0.05,
    ).start()
    try:
        time.sleep(0.3)
        client = service.get_blob_client("drops", name)
        for content in ("first", "second"):
            client.upload_blob(content, overwrite=True)
            wait_until(lambda content=content: sample_app.records("drop", name=f"drops/{name}", content=content))
    finally:
        relay.stop()
    assert not sample_app.records("drop", name=f"drops/{old}")


def test_killed_host_takes_its_work_up_again(azurite: Azurite, service: BlobServiceClient, tmp_path: Path) -> None:
    """The message of a run that died with the host reappears, and the next host runs it."""
    app = make_app(tmp_path / "app", azurite)
    name = drop(service, "slow")
    with app.start() as host:
        announce(host.url, service.url, name)
        wait_until(lambda: app.records("drop", name=f"drops/{name}"))
        host.kill()
    with app.start() as host:
        wait_until(lambda: len(app.records("drop", name=f"drops/{name}")) == 2)
        assert host.stop() == 0


# The end


def test_orderly_stop_lets_a_blob_function_end(azurite: Azurite, service: BlobServiceClient, tmp_path: Path) -> None:
    """SIGTERM: the run ends, its message is settled, and the exit code is 0."""
    app = make_app(tmp_path / "app", azurite)
    name = drop(service, "longer than its message is hidden")
    with app.start() as host:
        announce(host.url, service.url, name)
        wait_until(lambda: app.records("drop", name=f"drops/{name}"))
        assert host.stop() == 0
    assert "Executed 'Functions.drop' (Succeeded" in host.output.read_text()
    queue = f"azure-webjobs-blobtrigger-{app.environment['AzureFunctionsWebHost__hostid']}"
    with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        assert client.get_queue_properties().approximate_message_count == 0


def test_orderly_stop_lets_a_timer_end(azurite: Azurite, service: BlobServiceClient, tmp_path: Path) -> None:
    """The run ends and its status is stored, so that the next start does not repeat it."""
    app = make_app(tmp_path / "app", azurite, "sleepy")
    pretend_missed(app, service, "sleepy")
    with app.start() as host:
        wait_until(lambda: app.records("sleepy", past_due=True))
        assert host.stop() == 0
    assert app.records("slept")
    assert has_moved_on(app, service, "sleepy")


def test_host_outlives_storage(tmp_path: Path) -> None:
    """It starts without storage, answers HTTP, and takes up its work when storage is there."""
    with Azurite(tmp_path / "store") as storage:
        app = make_app(tmp_path / "app", storage)
        storage.stop()
        with app.start() as host:
            assert call(host.url, "GET", "/api/opened").status == 299
            assert announce(host.url, storage.blob_url, "phone/x.csv") == 500
            storage.start()
            with BlobServiceClient.from_connection_string(storage.connection_string) as service:
                service.create_container("drops")
                name = drop(service, "after the outage")
            assert announce(host.url, storage.blob_url, name) == 202
            wait_until(lambda: app.records("drop", name=f"drops/{name}"))
