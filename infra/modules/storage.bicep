// A storage account: no shared keys, no anonymous blobs, nothing deleted at once.

import { tagsType } from '../types.bicep'

@description('Name of the account, unique in the world.')
@minLength(3)
@maxLength(24)
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Containers to make.')
param containers string[]

@description('Copies in three zones, not one.')
param zoneRedundant bool

@description('Reached through private endpoints alone.')
param private bool

@description('Addresses (CIDR) that may reach it all the same.')
param allowedAddresses string[] = []

@description('Keep what was overwritten, too, and refuse to be deleted.')
param precious bool = false

@description('Container to days after which its blobs are deleted.')
param deletedAfterDays { *: int } = {}

@description('Days that deleted and overwritten blobs can be restored.')
@minValue(7)
@maxValue(365)
param restorableDays int

@description('The workspace that its logs go to.')
param workspaceId string

@description('Which requests on blobs are logged.')
param blobLogs ('StorageRead' | 'StorageWrite' | 'StorageDelete')[]

var isOpen = !private || !empty(allowedAddresses)

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      // Without these, queues and tables are encrypted with keys of the platform's own account.
      services: {
        blob: { enabled: true, keyType: 'Account' }
        file: { enabled: true, keyType: 'Account' }
        queue: { enabled: true, keyType: 'Account' }
        table: { enabled: true, keyType: 'Account' }
      }
    }
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isOpen ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: private ? 'Deny' : 'Allow'
      // Event Grid writes dead letters as a trusted service, also where everybody else is shut out.
      bypass: 'AzureServices'
      ipRules: [for address in allowedAddresses: { action: 'Allow', value: address }]
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      isVersioningEnabled: precious
      deleteRetentionPolicy: { enabled: true, days: restorableDays }
      containerDeleteRetentionPolicy: { enabled: true, days: restorableDays }
    }

    resource made 'containers' = [
      for container in containers: {
        name: container
        properties: { publicAccess: 'None' }
      }
    ]
  }

  resource queues 'queueServices' = {
    name: 'default'
  }

  resource lifecycle 'managementPolicies' = if (precious || !empty(deletedAfterDays)) {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: concat(
          map(items(deletedAfterDays), rule => {
            name: 'delete-${rule.key}'
            enabled: true
            type: 'Lifecycle'
            definition: {
              filters: { blobTypes: ['blockBlob', 'appendBlob'], prefixMatch: ['${rule.key}/'] }
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: rule.value } } }
            }
          }),
          precious
            ? [
                {
                  name: 'delete-what-was-overwritten'
                  enabled: true
                  type: 'Lifecycle'
                  definition: {
                    filters: { blobTypes: ['blockBlob'] }
                    actions: { version: { delete: { daysAfterCreationGreaterThan: restorableDays } } }
                  }
                }
              ]
            : []
        )
      }
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (precious) {
  name: 'keep'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'The company\'s exports, models and decisions. Take the lock away to delete the account.'
  }
}

// No stable version of diagnostic settings has been published since the preview.
#disable-next-line use-recent-api-versions
resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [for category in blobLogs: { category: category, enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

#disable-next-line use-recent-api-versions
resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (precious) {
  name: 'to-workspace'
  scope: account::queues
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageWrite', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

@description('Resource id.')
output id string = account.id

@description('Name.')
output name string = account.name

@description('Where its blobs are.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Where its queues are.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Where its tables are.')
output tableEndpoint string = account.properties.primaryEndpoints.table
