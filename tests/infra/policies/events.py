"""The topic, and the subscription that comes after the code."""

from __future__ import annotations

from infra.snapshots import Deployed, at
from tests.infra.policies.expecting import Faults, differing, other_than


def the_topic_is_trusted_by_its_own_identity(deployed: Deployed) -> Faults:
    """It watches the data account, and is let through that account's firewall as a system-assigned identity alone."""
    (topic,) = deployed.of("EventGrid/systemTopics")
    data = deployed.named("Storage/storageAccounts", "stdata")
    yield from differing(
        topic,
        {
            "identity.type": "SystemAssigned",
            "properties.source": data["id"],
            "properties.topicType": "Microsoft.Storage.StorageAccounts",
            "location": data["location"],
        },
    )


def the_subscription_tells_of_whole_drops_and_loses_none(deployed: Deployed) -> Faults:
    """Complete uploads into drops/ alone, tried for a day, then kept aside."""
    (subscription,) = deployed.of("EventGrid/systemTopics/eventSubscriptions")
    yield from differing(
        subscription,
        {
            "properties.eventDeliverySchema": "EventGridSchema",
            "properties.destination.endpointType": "WebHook",
            "properties.destination.properties.maxEventsPerBatch": 1,
            "properties.destination.properties.minimumTlsVersionAllowed": "1.2",
            "properties.filter.includedEventTypes": ["Microsoft.Storage.BlobCreated"],
            "properties.filter.subjectBeginsWith": "/blobServices/default/containers/drops/",
            "properties.filter.isSubjectCaseSensitive": True,
            "properties.filter.advancedFilters": [
                {
                    "operatorType": "StringIn",
                    "key": "data.api",
                    "values": ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"],
                }
            ],
            "properties.retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
            "properties.deadLetterWithResourceIdentity.identity.type": "SystemAssigned",
        },
    )
    letters = at(subscription, "properties.deadLetterWithResourceIdentity.deadLetterDestination")
    yield from other_than("dead letters", at(letters, "endpointType"), "StorageBlob")
    yield from other_than("dead letters", at(letters, "properties.blobContainerName"), "deadletter")
    where = str(at(letters, "properties.resourceId"))
    if not where.endswith("/Microsoft.Storage/storageAccounts/stdata"):
        yield f"dead letters: expected the data account, got {where!r}"
    url = str(at(subscription, "properties.destination.properties.endpointUrl"))
    if "runtime/webhooks/blobs?functionName=Host.Functions." not in url or "'train_blob_trigger'" not in url:
        yield f"webhook: expected that of the training function, got {url!r}"
    if "systemKeys.blobs_extension" not in url:
        yield f"webhook: expected the key of the blob extension, got {url!r}"
