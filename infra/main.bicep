// Everything that Cauce needs of Azure, in one resource group. What differs between a firm of 15 people and one of 10,000 is
// in parameters/. The events that start training need the code to be there: events.bicep, afterwards.

import { databaseType, scaleType, tagsType } from 'types.bicep'

targetScope = 'resourceGroup'

@description('Beginning of every name that is seen outside; with another one, a second Cauce has room in the group.')
@minLength(2)
@maxLength(9)
param name string = 'cauce'

@description('Where everything is.')
param location string = resourceGroup().location

@description('Tags of every resource.')
param tags tagsType = { application: 'cauce' }

@description('Who hears of alerts and of the budget.')
@minLength(3)
param alertEmail string

@description('What may be spent in a month, in the currency of the subscription; beyond it somebody is told, nothing stops.')
@minValue(1)
param monthlyBudget int

@description('The month that the budget begins with.')
param budgetStart string = utcNow('yyyy-MM-01')

@description('Object id of the Entra group (or user, or service) that drops files, reads results and promotes versions; empty: nobody.')
param operatorsId string = ''

@description('What that id is of.')
@allowed(['Group', 'User', 'ServicePrincipal'])
param operatorsType string = 'Group'

@description('The app that answers requests.')
param scoring scaleType

@description('The app that exports and trains.')
param pipeline scaleType

@description('The database that is exported.')
param database databaseType

@description('When it is exported: six-field NCRONTAB, in UTC.')
param exportSchedule string = '0 0 2 * * *'

@description('Processes that read one large table at once.')
@minValue(1)
param exportRanges int = 1

@description('Instances and copies of data in three zones, where the region has them.')
param zoneRedundant bool

@description('Nothing is reached over public addresses but the edge, by Event Grid the pipeline, and both by deployFrom.')
param privateNetwork bool

@description('Addresses of the private network, a /16.')
param networkAddresses string = '10.20.0.0/16'

@description('Addresses (CIDR) that may deploy and drop files in spite of the private network: a build machine, an office.')
param deployFrom string[] = []

@description('Azure Front Door, with its firewall, in front of scoring.')
param frontDoor bool

@description('Requests of one address in five minutes, beyond which Front Door refuses it.')
@minValue(100)
param mostRequests int = 30000

@description('A Databricks workspace that reads the exports.')
param databricks bool

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int

@description('GB of logs a day after which no more are taken; -1: no limit.')
param logDailyCapGB int

@description('The share of answered rows that is written into the prediction log.')
param predictionLogSample string = '1'

@description('Container to days after which its blobs are deleted. Exports are looked after by the export itself.')
param deletedAfterDays { *: int } = {
  predictions: 400
  results: 400
  quarantine: 90
  deadletter: 90
}

@description('Days that deleted and overwritten blobs can be restored.')
@minValue(7)
@maxValue(365)
param restorableDays int = 14

@description('Milliseconds that 19 of 20 requests to score must be answered in, before somebody is told.')
param slowestMilliseconds int = 2000

var token = uniqueString(subscription().id, resourceGroup().id, name)
// Known before anything is there, so that what-if can tell what will be.
var called = {
  data: 'stdata${token}'
  scoringHost: 'stscore${token}'
  pipelineHost: 'stpipe${token}'
  vault: 'kv-${token}'
  insights: 'appi-${token}'
  network: 'vnet-${token}'
  sql: 'sql-${token}'
  databricks: 'dbw-${token}'
  edge: 'afd-${token}'
  edgeEndpoint: '${name}-${token}'
}
var packages = 'packages'
var deadLetters = 'deadletter'
var dataContainers = [
  'drops'
  'exports'
  'models'
  'predictions'
  'quarantine'
  'results'
  'runs'
  deadLetters
]
var hashKeySecret = 'pii-hash-key'
var connectionSecret = 'sql-connection-string'
var isExporting = database.kind != 'none'

module scoringIdentity 'modules/identity.bicep' = {
  params: { name: 'id-scoring-${token}', location: location, tags: tags }
}

module pipelineIdentity 'modules/identity.bicep' = {
  params: { name: 'id-pipeline-${token}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    insightsName: called.insights
    workspaceName: 'log-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyCapGB: logDailyCapGB
  }
}

module data 'modules/storage.bicep' = {
  params: {
    name: called.data
    location: location
    tags: tags
    containers: dataContainers
    zoneRedundant: zoneRedundant
    private: privateNetwork
    allowedAddresses: deployFrom
    precious: true
    deletedAfterDays: deletedAfterDays
    restorableDays: restorableDays
    workspaceId: monitoring.outputs.workspaceId
    blobLogs: ['StorageRead', 'StorageWrite', 'StorageDelete']
  }
}

// Each app has an account of its own: who could write into the other's could run as the other.
module scoringHost 'modules/storage.bicep' = {
  params: {
    name: called.scoringHost
    location: location
    tags: tags
    containers: [packages]
    zoneRedundant: zoneRedundant
    private: privateNetwork
    restorableDays: 7
    workspaceId: monitoring.outputs.workspaceId
    // The platform renews its leases every few seconds: its reads and writes would be most of all logs.
    blobLogs: ['StorageDelete']
  }
}

module pipelineHost 'modules/storage.bicep' = {
  params: {
    name: called.pipelineHost
    location: location
    tags: tags
    containers: [packages]
    zoneRedundant: zoneRedundant
    private: privateNetwork
    restorableDays: 7
    workspaceId: monitoring.outputs.workspaceId
    blobLogs: ['StorageDelete']
  }
}

module vault 'modules/vault.bicep' = {
  params: {
    name: called.vault
    location: location
    tags: tags
    private: privateNetwork
    allowedAddresses: deployFrom
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'modules/roles.bicep' = {
  dependsOn: [data, scoringHost, pipelineHost, vault, monitoring]
  params: {
    principals: {
      scoring: scoringIdentity.outputs.principalId
      pipeline: pipelineIdentity.outputs.principalId
    }
    scoringHostAccountName: called.scoringHost
    pipelineHostAccountName: called.pipelineHost
    dataAccountName: called.data
    vaultName: called.vault
    insightsName: called.insights
    operatorsId: operatorsId
    operatorsType: operatorsType
  }
}

module topic 'modules/topic.bicep' = {
  dependsOn: [data]
  params: {
    name: 'evgt-${token}'
    location: location
    tags: tags
    dataAccountName: called.data
    deadLetterContainer: deadLetters
    workspaceId: monitoring.outputs.workspaceId
  }
}

module sql 'modules/sql.bicep' = if (database.kind == 'new') {
  params: {
    name: called.sql
    location: location
    tags: tags
    administratorsName: database.?administratorsName ?? ''
    administratorsId: database.?administratorsId ?? ''
    private: privateNetwork
    zoneRedundant: zoneRedundant
    workspaceId: monitoring.outputs.workspaceId
  }
}

var zoneOf = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
  sqlServer: 'privatelink${environment().suffixes.sqlServerHostname}'
  databricks_ui_api: 'privatelink.azuredatabricks.net'
}

module network 'modules/network.bicep' = if (privateNetwork) {
  params: {
    name: called.network
    token: token
    location: location
    tags: tags
    addresses: networkAddresses
    databricks: databricks
    zones: map(
      filter(
        items(zoneOf),
        zone => (zone.key != 'sqlServer' || database.kind == 'new') && (zone.key != 'databricks_ui_api' || databricks)
      ),
      zone => zone.value
    )
  }
}

module endpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  dependsOn: [data, scoringHost, pipelineHost, vault, sql, lakehouse]
  params: {
    token: token
    location: location
    tags: tags
    subnetId: network.?outputs.endpointSubnetId ?? ''
    zoneOf: zoneOf
    dataAccountName: called.data
    scoringHostAccountName: called.scoringHost
    pipelineHostAccountName: called.pipelineHost
    vaultName: called.vault
    sqlServerName: database.kind == 'new' ? called.sql : null
    databricksName: databricks ? called.databricks : null
  }
}

module edge 'modules/edge.bicep' = if (frontDoor) {
  params: {
    profileName: called.edge
    endpointName: called.edgeEndpoint
    firewallName: 'waf${token}'
    tags: tags
    mostRequests: mostRequests
    workspaceId: monitoring.outputs.workspaceId
  }
}

var dataSettings = {
  DataStorage__blobServiceUri: data.outputs.blobEndpoint
  DataStorage__queueServiceUri: data.outputs.queueEndpoint
  DataStorage__credential: 'managedidentity'
  PII_HASH_KEY: '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/${hashKeySecret})'
}

module scoringApp 'modules/app.bicep' = {
  dependsOn: [roles, endpoints]
  params: {
    name: '${name}-scoring-${token}'
    location: location
    tags: tags
    identityId: scoringIdentity.outputs.id
    identityClientId: scoringIdentity.outputs.clientId
    hostAccountName: called.scoringHost
    packageContainer: packages
    insightsName: called.insights
    workspaceId: monitoring.outputs.workspaceId
    scale: scoring
    zoneRedundant: zoneRedundant
    subnetId: network.?outputs.scoringSubnetId
    restricted: frontDoor || privateNetwork
    callers: frontDoor
      ? [
          {
            name: 'front-door'
            address: 'AzureFrontDoor.Backend'
            tag: 'ServiceTag'
            // The tag is that of everybody's Front Door; the header is set by the one that is ours.
            headers: { 'x-azure-fdid': [edge.?outputs.frontDoorId ?? ''] }
          }
        ]
      : []
    deployers: deployFrom
    settings: union(dataSettings, {
      DataStorage__clientId: scoringIdentity.outputs.clientId
      PREDICTION_LOG_SAMPLE: predictionLogSample
      SCORE_MAX_REQUESTS: string(scoring.httpConcurrency)
      SCORE_MEMORY_BYTES: string(scoring.instanceMemoryMB * 1048576 / 4)
      'AzureWebJobs.export_timer.Disabled': 'true'
      'AzureWebJobs.train_blob_trigger.Disabled': 'true'
    })
  }
}

var sqlConnection = database.kind == 'secret'
  ? '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/${connectionSecret})'
  : 'Driver={ODBC Driver 18 for SQL Server};Server=tcp:${database.?server ?? sql.?outputs.host ?? ''},1433;Database=${database.?database ?? sql.?outputs.database ?? ''}'

module pipelineApp 'modules/app.bicep' = {
  dependsOn: [roles, endpoints]
  params: {
    name: '${name}-pipeline-${token}'
    location: location
    tags: tags
    identityId: pipelineIdentity.outputs.id
    identityClientId: pipelineIdentity.outputs.clientId
    hostAccountName: called.pipelineHost
    packageContainer: packages
    insightsName: called.insights
    workspaceId: monitoring.outputs.workspaceId
    scale: pipeline
    // Two instances for each trigger would wait warm, and be paid for, so that a night's work is not late when a zone fails.
    // It can wait: the drops stay where they are.
    zoneRedundant: false
    subnetId: network.?outputs.pipelineSubnetId
    restricted: privateNetwork
    callers: privateNetwork ? [{ name: 'event-grid', address: 'AzureEventGrid', tag: 'ServiceTag', headers: {} }] : []
    deployers: deployFrom
    settings: union(
      dataSettings,
      {
        DataStorage__clientId: pipelineIdentity.outputs.clientId
        EXPORT_SCHEDULE: exportSchedule
        EXPORT_RANGES: string(exportRanges)
        'AzureWebJobs.score_http.Disabled': 'true'
      },
      isExporting ? { SQL_CONNECTION_STRING: sqlConnection } : { 'AzureWebJobs.export_timer.Disabled': 'true' }
    )
  }
}

module route 'modules/route.bicep' = if (frontDoor) {
  params: {
    profileName: called.edge
    endpointName: called.edgeEndpoint
    hostName: scoringApp.outputs.hostName
  }
}

module lakehouse 'modules/databricks.bicep' = if (databricks) {
  dependsOn: [data, network]
  params: {
    name: called.databricks
    location: location
    tags: tags
    networkName: privateNetwork ? called.network : null
    dataAccountName: called.data
    workspaceId: monitoring.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = {
  params: {
    token: token
    location: location
    tags: tags
    email: alertEmail
    workspaceId: monitoring.outputs.workspaceId
    topicId: topic.outputs.id
    pipelineRole: '${name}-pipeline'
    exports: isExporting
    slowestMilliseconds: slowestMilliseconds
  }
}

module budget 'modules/budget.bicep' = {
  params: { email: alertEmail, amount: monthlyBudget, start: budgetStart }
}

@description('Name of the app that answers requests.')
output scoringAppName string = scoringApp.outputs.name

@description('Name of the app that exports and trains.')
output pipelineAppName string = pipelineApp.outputs.name

@description('Where the pipeline app answers.')
output pipelineHostName string = pipelineApp.outputs.hostName

@description('Where the scoring app\'s package is sent.')
output scoringScmHostName string = scoringApp.outputs.scmHostName

@description('Where the pipeline app\'s package is sent.')
output pipelineScmHostName string = pipelineApp.outputs.scmHostName

@description('Where callers find scoring.')
output scoringUrl string = 'https://${edge.?outputs.hostName ?? scoringApp.outputs.hostName}'

@description('Name of the account with the company\'s data.')
output dataAccountName string = data.outputs.name

@description('Where its blobs are.')
output dataBlobEndpoint string = data.outputs.blobEndpoint

@description('Name of the topic that events.bicep subscribes to.')
output topicName string = topic.outputs.name

@description('Name of the key vault.')
output keyVaultName string = vault.outputs.name

@description('Name of the identity that infra/sql/grant.sql lets into the database.')
output pipelineIdentityName string = pipelineIdentity.outputs.name

@description('The address that the pipeline comes from, for the firewall of a database elsewhere; empty: any of Azure\'s.')
output outboundAddress string = network.?outputs.outboundAddress ?? ''
