// A Databricks workspace that reads the exports: for analyses and experiments beyond what one instance holds.

import { tagsType } from '../types.bicep'

@description('Name of the workspace.')
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the network, which has the subnets databricks-host and databricks-container; left out: its own.')
param networkName string?

@description('Name of the account with the company\'s data.')
param dataAccountName string

@description('The workspace that its logs go to.')
param workspaceId string

var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'

resource data 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: dataAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource exports 'containers' existing = {
      name: 'exports'
    }
  }
}

resource connector 'Microsoft.Databricks/accessConnectors@2026-01-01' = {
  name: '${name}-reader'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {}
}

resource readsExports 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(data::blobs::exports.id, connector.id, blobDataReader)
  scope: data::blobs::exports
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: connector.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource workspace 'Microsoft.Databricks/workspaces@2026-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'premium' }
  properties: {
    computeMode: 'Hybrid'
    managedResourceGroupId: subscriptionResourceId('Microsoft.Resources/resourceGroups', 'rg-${name}')
    publicNetworkAccess: networkName == null ? 'Enabled' : 'Disabled'
    requiredNsgRules: networkName == null ? 'AllRules' : 'NoAzureDatabricksRules'
    parameters: union(
      { enableNoPublicIp: { value: true } },
      networkName == null
        ? {}
        : {
            customVirtualNetworkId: { value: resourceId('Microsoft.Network/virtualNetworks', networkName ?? '') }
            customPublicSubnetName: { value: 'databricks-host' }
            customPrivateSubnetName: { value: 'databricks-container' }
          }
    )
  }
}

#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: workspace
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'accounts', enabled: true }
      { category: 'clusters', enabled: true }
      { category: 'unityCatalog', enabled: true }
    ]
  }
}
