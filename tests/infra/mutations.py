"""Changes of infra/ that each policy has to notice: a property flipped, removed or misspelt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.infra.policies import access, apps, events, keeping, network, watching

if TYPE_CHECKING:
    from tests.infra.policies.expecting import Policy


@dataclass(frozen=True)
class Mutation:
    """``old`` in ``file`` becomes ``new``; ``policy`` must find fault with that of ``size``."""

    file: str
    old: str
    new: str
    policy: Policy
    size: str = "small"

    def __str__(self) -> str:
        return f"{self.policy.__name__}: {self.old.strip()[:40]}"


STORAGE, APP, ALERTS, MAIN = "modules/storage.bicep", "modules/app.bicep", "modules/alerts.bicep", "main.bicep"
VAULT, SQL, ROLES, TOPIC = "modules/vault.bicep", "modules/sql.bicep", "modules/roles.bicep", "modules/topic.bicep"
MONITORING, NETWORK, EDGE, ROUTE = (f"modules/{name}.bicep" for name in ("monitoring", "network", "edge", "route"))
ENDPOINTS, DATABRICKS, BUDGET = (f"modules/{name}.bicep" for name in ("endpoints", "databricks", "budget"))

CLOSED = keeping.storage_is_closed_to_keys_and_strangers
RESTORED = keeping.what_is_deleted_can_be_restored
FORGOTTEN = keeping.blobs_are_forgotten_by_container
LOCKED = keeping.what_cannot_be_made_again_is_locked
SPEAKS = apps.apps_run_python_and_speak_https_alone
OWN = apps.apps_work_as_an_identity_of_their_own
TABLE = access.roles_are_those_of_the_table
OPEN = network.only_the_edge_is_open
ALERTED = watching.alerts_are_all_there_and_wake_somebody
TOLD = events.the_subscription_tells_of_whole_drops_and_loses_none

MUTATIONS = [
    Mutation(STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", CLOSED),
    Mutation(STORAGE, "    allowSharedKeyAccess: false\n", "", CLOSED),
    Mutation(STORAGE, "allowBlobPublicAccess: false", "allowBlobPublicAccess: true", CLOSED),
    Mutation(STORAGE, "'TLS1_2'", "'TLS1_0'", CLOSED),
    Mutation(STORAGE, "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS9'", CLOSED),
    Mutation(STORAGE, "supportsHttpsTrafficOnly: true", "supportsHttpsTrafficOnly: false", CLOSED),
    Mutation(STORAGE, "publicAccess: 'None'", "publicAccess: 'Blob'", CLOSED),
    Mutation(STORAGE, "defaultAction: private ? 'Deny'", "defaultAction: private ? 'Allow'", CLOSED, "large"),
    Mutation(STORAGE, "bypass: 'AzureServices'", "bypass: 'None'", CLOSED, "large"),
    Mutation(STORAGE, "'Standard_ZRS'", "'Standard_LRS'", keeping.storage_is_in_as_many_zones_as_the_apps, "large"),
    Mutation(STORAGE, "isVersioningEnabled: precious", "isVersioningEnabled: false", RESTORED),
    Mutation(STORAGE, "deleteRetentionPolicy: { enabled: true", "deleteRetentionPolicy: { enabled: false", RESTORED),
    Mutation(STORAGE, "daysAfterCreationGreaterThan: restorableDays", "daysAfterCreationGreaterThan: 1", RESTORED),
    Mutation(STORAGE, "['${rule.key}/']", "['${rule.key}']", FORGOTTEN),
    Mutation(STORAGE, "['blockBlob', 'appendBlob'], prefixMatch", "['blockBlob'], prefixMatch", FORGOTTEN),
    Mutation(MAIN, "  quarantine: 90\n", "  quarantine: 90\n  models: 90\n", FORGOTTEN),
    Mutation(MAIN, "  'quarantine'\n", "  'quarantined'\n", keeping.containers_are_those_of_the_contract),
    Mutation(STORAGE, "level: 'CanNotDelete'", "level: 'ReadOnly'", LOCKED),
    Mutation(MAIN, "    precious: true\n", "", LOCKED),
    Mutation(SQL, "level: 'CanNotDelete'", "level: 'ReadOnly'", LOCKED, "large"),
    Mutation(
        VAULT,
        "enableRbacAuthorization: true",
        "enableRbacAuthorization: false",
        keeping.the_vault_knows_identities_and_forgets_nothing,
    ),
    Mutation(
        VAULT, "    enablePurgeProtection: true\n", "", keeping.the_vault_knows_identities_and_forgets_nothing, "large"
    ),
    Mutation(SQL, "principalType: 'Group'", "principalType: 'User'", keeping.the_database_knows_no_passwords, "large"),
    Mutation(
        SQL,
        "azureADOnlyAuthentication: true",
        "azureADOnlyAuthentication: false",
        keeping.the_database_knows_no_passwords,
        "large",
    ),
    Mutation(SQL, "if (!private)", "if (private)", keeping.the_database_knows_no_passwords, "large"),
    Mutation(APP, "'FlexConsumption'", "'FlexConsumpton'", apps.plans_are_flex_consumption),
    Mutation(APP, "name: 'FC1'", "name: 'EP1'", apps.plans_are_flex_consumption),
    Mutation(APP, "httpsOnly: true", "httpsOnly: false", SPEAKS),
    Mutation(APP, "      minTlsVersion: '1.2'", "      minTlsVersion: '1.0'", SPEAKS),
    Mutation(APP, "ftpsState: 'Disabled'", "ftpsState: 'FtpsOnly'", SPEAKS),
    Mutation(APP, "version: '3.13'", "version: '3.12'", SPEAKS),
    Mutation(
        APP,
        "name: 'scm'\n    properties: { allow: false }",
        "name: 'scm'\n    properties: { allow: true }",
        apps.passwords_publish_nothing,
    ),
    Mutation(APP, "type: 'UserAssignedIdentity'", "type: 'StorageAccountConnectionString'", OWN),
    Mutation(MAIN, "DataStorage__clientId: pipelineIdentity", "DataStorage__clientId: scoringIdentity", OWN),
    Mutation(MAIN, "hostAccountName: called.pipelineHost", "hostAccountName: called.scoringHost", OWN),
    Mutation(APP, ";Authorization=AAD", "", OWN),
    Mutation(
        APP,
        "AzureWebJobsStorage__credential: 'managedidentity'",
        "AzureWebJobsStorage__credential: 'managedidentity'\n      FUNCTIONS_WORKER_RUNTIME: 'python'",
        apps.settings_have_names_that_flex_takes,
    ),
    Mutation(MAIN, "PREDICTION_LOG_SAMPLE:", "'PREDICTION:LOG_SAMPLE':", apps.settings_have_names_that_flex_takes),
    Mutation(
        MAIN, "      'AzureWebJobs.train_blob_trigger.Disabled': 'true'\n", "", apps.each_function_runs_in_one_app
    ),
    Mutation(
        MAIN, "AzureWebJobs.score_http.Disabled", "AzureWebJobs.score_htp.Disabled", apps.each_function_runs_in_one_app
    ),
    Mutation(APP, "name: 'http', instanceCount", "name: 'https', instanceCount", apps.apps_grow_within_bounds, "large"),
    Mutation(MAIN, "* 1048576 / 4", "* 1048576", apps.apps_grow_within_bounds),
    Mutation(
        ROLES, "role: role.blobDataReader, container: 'models'", "role: role.blobDataOwner, container: 'models'", TABLE
    ),
    Mutation(ROLES, "container: 'predictions'", "container: 'exports'", TABLE),
    Mutation(
        ROLES,
        "{ who: 'pipeline', role: role.blobDataOwner, account: dataAccountName }",
        "{ who: 'scoring', role: role.blobDataOwner, account: dataAccountName }",
        TABLE,
    ),
    Mutation(ROLES, "principalType: 'ServicePrincipal'", "principalType: 'User'", TABLE),
    Mutation(
        ROLES,
        "role: role.blobDataReader, container: 'runs'",
        "role: role.blobDataOwner, container: 'runs'",
        TABLE,
        "large",
    ),
    Mutation(TOPIC, "scope: account::blobs::deadLetters", "scope: account", TABLE),
    Mutation(DATABRICKS, "scope: data::blobs::exports", "scope: data", TABLE, "large"),
    Mutation(
        MAIN,
        "      EXPORT_SCHEDULE: exportSchedule\n",
        "      EXPORT_SCHEDULE: exportSchedule\n"
        "        KEY: listKeys(resourceId('Microsoft.Storage/storageAccounts', called.data), '2025-01-01').keys[0]\n",
        access.nothing_is_known_that_opens_a_door,
    ),
    Mutation(
        MAIN,
        "PII_HASH_KEY: '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/${hashKeySecret})'",
        "PII_HASH_KEY: 'the ${hashKeySecret} of every company'",
        access.nothing_is_known_that_opens_a_door,
    ),
    Mutation(
        MAIN,
        "output topicName string = topic.outputs.name",
        "output topicName string = 'https://${topic.outputs.name}.example/?sig=abc'",
        access.nothing_is_known_that_opens_a_door,
    ),
    Mutation(BUDGET, "  name: 'cauce'", "  name: 'cauce-${start}'", access.names_are_known_before_anything_is_there),
    Mutation(APP, "  tags: tags\n  kind: 'functionapp'", "  kind: 'functionapp'", access.everything_is_tagged),
    Mutation(
        MONITORING, "DisableLocalAuth: true", "DisableLocalAuth: false", watching.telemetry_takes_identities_alone
    ),
    Mutation(
        MONITORING, "disableLocalAuth: true", "disableLocalAuth: false", watching.telemetry_takes_identities_alone
    ),
    Mutation(
        VAULT,
        "scope: vault\n  properties: {\n    workspaceId",
        "scope: lock\n  properties: {\n    workspaceId",
        watching.everything_that_can_tell_is_heard,
    ),
    Mutation(
        MAIN,
        "blobLogs: ['StorageRead', 'StorageWrite', 'StorageDelete']",
        "blobLogs: ['StorageDelete']",
        watching.reads_and_writes_of_the_data_are_logged,
    ),
    Mutation(
        STORAGE,
        "logs: [{ category: 'StorageWrite', enabled: true }]",
        "logs: [{ category: 'StorageWrite', enabled: false }]",
        watching.reads_and_writes_of_the_data_are_logged,
    ),
    Mutation(ALERTS, "name: 'drop-poisoned'", "name: 'drop-posioned'", ALERTED),
    Mutation(ALERTS, "actions: { actionGroups: [people.id] }", "actions: { actionGroups: [] }", ALERTED),
    Mutation(
        ALERTS,
        "      enabled: true\n      scopes: [workspaceId]",
        "      enabled: false\n      scopes: [workspaceId]",
        ALERTED,
    ),
    Mutation(ALERTS, "      skipQueryValidation: true\n", "", ALERTED),
    Mutation(ALERTS, "'DroppedEventCount'", "'DropedEventCount'", ALERTED),
    Mutation(ALERTS, 'Name == "train_blob_trigger"', 'Name == "train_blob"', watching.alerts_ask_of_what_there_is),
    Mutation(ALERTS, "'P2D'", "'PT1H'", watching.alerts_ask_of_what_there_is),
    Mutation(BUDGET, "thresholdType: 'Forecasted'", "thresholdType: 'Actual'", watching.money_is_watched),
    Mutation(
        APP,
        "ipSecurityRestrictionsDefaultAction: restricted ? 'Deny'",
        "ipSecurityRestrictionsDefaultAction: restricted ? 'Allow'",
        OPEN,
        "large",
    ),
    Mutation(
        APP,
        "scmIpSecurityRestrictionsDefaultAction: restricted ? 'Deny'",
        "scmIpSecurityRestrictionsDefaultAction: restricted ? 'Allow'",
        OPEN,
        "large",
    ),
    Mutation(MAIN, "headers: { 'x-azure-fdid': [edge.?outputs.frontDoorId ?? ''] }", "headers: {}", OPEN, "large"),
    Mutation(MAIN, "address: 'AzureEventGrid'", "address: 'Internet'", OPEN, "large"),
    Mutation(
        SQL, "publicNetworkAccess: private ? 'Disabled'", "publicNetworkAccess: private ? 'Enabled'", OPEN, "large"
    ),
    Mutation(
        NETWORK,
        "defaultOutboundAccess: false",
        "defaultOutboundAccess: true",
        network.the_network_lets_nobody_in,
        "large",
    ),
    Mutation(
        NETWORK,
        "name: 'pipeline', delegation: 'Microsoft.App/environments'",
        "name: 'pipeline', delegation: null",
        network.the_network_lets_nobody_in,
        "large",
    ),
    Mutation(
        ENDPOINTS,
        "target: scoringHostAccountName, part: 'table'",
        "target: scoringHostAccountName, part: 'queue'",
        network.everything_closed_has_a_private_address,
        "large",
    ),
    Mutation(EDGE, "mode: 'Prevention'", "mode: 'Detection'", network.the_edge_is_https_and_guarded, "large"),
    Mutation(
        ROUTE,
        "forwardingProtocol: 'HttpsOnly'",
        "forwardingProtocol: 'MatchRequest'",
        network.the_edge_is_https_and_guarded,
        "large",
    ),
    Mutation(
        ROUTE, "patternsToMatch: ['/api/*']", "patternsToMatch: ['/*']", network.the_edge_is_https_and_guarded, "large"
    ),
    Mutation(SQL, "      zoneRedundant: zoneRedundant\n", "", network.large_is_in_three_zones, "large"),
    Mutation(TOPIC, "type: 'SystemAssigned'", "type: 'None'", events.the_topic_is_trusted_by_its_own_identity),
    Mutation("events.bicep", "containers/${watched}/'", "containers/${watched}'", TOLD, "events"),
    Mutation("events.bicep", "'FlushWithClose'", "'CreateFile'", TOLD, "events"),
    Mutation("events.bicep", "eventTimeToLiveInMinutes: 1440", "eventTimeToLiveInMinutes: 10", TOLD, "events"),
    Mutation(
        "events.bicep", "identity: { type: 'SystemAssigned' }", "identity: { type: 'UserAssigned' }", TOLD, "events"
    ),
    Mutation("events.bicep", "var deadLetters = 'deadletter'", "var deadLetters = 'deadleter'", TOLD, "events"),
    Mutation("events.bicep", "endpointType: 'WebHook'", "endpointType: 'Webhook'", TOLD, "events"),
]
