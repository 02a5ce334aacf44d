// Who may do what. A row of these tables is a role assignment; there are no others but the topic's (topic.bicep) and
// those that a person makes.

@description('App to the principal id of its identity.')
param principals {
  @description('The app that answers requests.')
  scoring: string

  @description('The app that exports and trains.')
  pipeline: string
}

@description('Name of the account with the scoring app\'s package and host records.')
param scoringHostAccountName string

@description('Name of the account with the pipeline app\'s package and host records.')
param pipelineHostAccountName string

@description('Name of the account with the company\'s data.')
param dataAccountName string

@description('Name of the key vault.')
param vaultName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Object id of those who operate it; empty: nobody.')
param operatorsId string

@description('What that id is of.')
@allowed(['Group', 'User', 'ServicePrincipal'])
param operatorsType string

var role = {
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

// What the platform needs of an app's own account, and what the blob trigger needs of the one that it watches.
var onAccounts = [
  { who: 'scoring', role: role.blobDataOwner, account: scoringHostAccountName }
  { who: 'scoring', role: role.queueDataContributor, account: scoringHostAccountName }
  { who: 'scoring', role: role.tableDataContributor, account: scoringHostAccountName }
  { who: 'pipeline', role: role.blobDataOwner, account: pipelineHostAccountName }
  { who: 'pipeline', role: role.queueDataContributor, account: pipelineHostAccountName }
  { who: 'pipeline', role: role.tableDataContributor, account: pipelineHostAccountName }
  { who: 'pipeline', role: role.blobDataOwner, account: dataAccountName }
  { who: 'pipeline', role: role.queueDataContributor, account: dataAccountName }
]

// The app that the internet reaches sees models, and writes what it answered; no export, no row, no result.
var onContainers = [
  { who: 'scoring', role: role.blobDataReader, container: 'models' }
  { who: 'scoring', role: role.blobDataContributor, container: 'predictions' }
]

// People see what they need to look after it: no export, whose rows are of other people.
var ofOperators = empty(operatorsId)
  ? []
  : [
      { role: role.blobDataContributor, container: 'drops' }
      { role: role.blobDataContributor, container: 'models' }
      { role: role.blobDataReader, container: 'deadletter' }
      { role: role.blobDataReader, container: 'predictions' }
      { role: role.blobDataReader, container: 'quarantine' }
      { role: role.blobDataReader, container: 'results' }
      { role: role.blobDataReader, container: 'runs' }
    ]

var onVault = ['scoring', 'pipeline']
var onInsights = ['scoring', 'pipeline']

resource accounts 'Microsoft.Storage/storageAccounts@2025-01-01' existing = [
  for row in onAccounts: {
    name: row.account
  }
]

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = [
  for row in onContainers: {
    name: '${dataAccountName}/default/${row.container}'
  }
]

resource operatedContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = [
  for row in ofOperators: {
    name: '${dataAccountName}/default/${row.container}'
  }
]

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource assignedOnAccounts 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (row, place) in onAccounts: {
    name: guid(accounts[place].id, row.who, row.role)
    scope: accounts[place]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', row.role)
      principalId: principals[row.who]
      principalType: 'ServicePrincipal'
    }
  }
]

resource assignedOnContainers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (row, place) in onContainers: {
    name: guid(containers[place].id, row.who, row.role)
    scope: containers[place]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', row.role)
      principalId: principals[row.who]
      principalType: 'ServicePrincipal'
    }
  }
]

resource assignedToOperators 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (row, place) in ofOperators: {
    name: guid(operatedContainers[place].id, operatorsId, row.role)
    scope: operatedContainers[place]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', row.role)
      principalId: operatorsId
      principalType: operatorsType
    }
  }
]

resource assignedOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for who in onVault: {
    name: guid(vault.id, who, role.keyVaultSecretsUser)
    scope: vault
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.keyVaultSecretsUser)
      principalId: principals[who]
      principalType: 'ServicePrincipal'
    }
  }
]

resource assignedOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for who in onInsights: {
    name: guid(insights.id, who, role.monitoringMetricsPublisher)
    scope: insights
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        role.monitoringMetricsPublisher
      )
      principalId: principals[who]
      principalType: 'ServicePrincipal'
    }
  }
]
