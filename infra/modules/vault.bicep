// The two secrets that there can be: the key of hashes, and the connection string of a database that knows no identities.

import { tagsType } from '../types.bicep'

@description('Name of the vault, unique in the world.')
@minLength(3)
@maxLength(24)
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Reached through a private endpoint alone.')
param private bool

@description('Addresses (CIDR) that may reach it all the same.')
param allowedAddresses string[]

@description('The workspace that its audit log goes to.')
param workspaceId string

var isOpen = !private || !empty(allowedAddresses)

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // Whoever loses the key of the hashes cannot join what was exported before with what is exported after.
    enablePurgeProtection: true
    publicNetworkAccess: isOpen ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: private ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
      ipRules: [for address in allowedAddresses: { value: address }]
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'Hashes of people\'s keys agree only as long as this vault is there.'
  }
}

#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Resource id.')
output id string = vault.id

@description('Name.')
output name string = vault.name

@description('Where its secrets are.')
output uri string = vault.properties.vaultUri
