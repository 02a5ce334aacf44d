// A database to export from, for those who have none: Azure SQL that sleeps when nobody asks.

import { tagsType } from '../types.bicep'

@description('Name of the server, unique in the world.')
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the Entra group that administers it.')
param administratorsName string

@description('Object id of that group.')
param administratorsId string

@description('Reached through a private endpoint alone.')
param private bool

@description('Copies in more than one zone.')
param zoneRedundant bool

@description('The workspace that its audit log goes to.')
param workspaceId string

var databaseName = 'company'

resource server 'Microsoft.Sql/servers@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    version: '12.0'
    minimalTlsVersion: '1.2'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    restrictOutboundNetworkAccess: 'Enabled'
    administrators: {
      administratorType: 'ActiveDirectory'
      principalType: 'Group'
      login: administratorsName
      sid: administratorsId
      tenantId: tenant().tenantId
      azureADOnlyAuthentication: true
    }
  }

  // Without a network of its own the pipeline comes from any of Azure's addresses. Who gets in is Entra's to say.
  resource fromAzure 'firewallRules' = if (!private) {
    name: 'AllowAllWindowsAzureIps'
    properties: {
      startIpAddress: '0.0.0.0'
      endIpAddress: '0.0.0.0'
    }
  }

  resource auditing 'auditingSettings' = {
    name: 'default'
    properties: {
      state: 'Enabled'
      isAzureMonitorTargetEnabled: true
      auditActionsAndGroups: [
        'SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP'
        'FAILED_DATABASE_AUTHENTICATION_GROUP'
        'DATABASE_PERMISSION_CHANGE_GROUP'
        'DATABASE_ROLE_MEMBER_CHANGE_GROUP'
      ]
    }
  }

  resource master 'databases' existing = {
    name: 'master'
  }

  resource database 'databases' = {
    name: databaseName
    location: location
    tags: tags
    sku: { name: 'GP_S_Gen5', tier: 'GeneralPurpose', family: 'Gen5', capacity: zoneRedundant ? 4 : 1 }
    properties: {
      minCapacity: json('0.5')
      // Minutes without a query after which it sleeps and costs its storage alone; -1: never.
      autoPauseDelay: zoneRedundant ? -1 : 60
      zoneRedundant: zoneRedundant
      requestedBackupStorageRedundancy: zoneRedundant ? 'Zone' : 'Local'
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: server::database
  properties: {
    level: 'CanNotDelete'
    notes: 'The company\'s tables.'
  }
}

#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: server::database
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'Errors', enabled: true }]
    metrics: [{ category: 'Basic', enabled: true }]
  }
}

// The server's audit is that of its master database.
#disable-next-line use-recent-api-versions
resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: server::master
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'SQLSecurityAuditEvents', enabled: true }]
  }
}

@description('Resource id of the server.')
output id string = server.id

@description('The server\'s full name.')
output host string = server.properties.fullyQualifiedDomainName

@description('The database\'s name.')
output database string = databaseName
