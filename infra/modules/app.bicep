// A function app on the Flex Consumption plan, which holds one app.

import { scaleType, settingsType, tagsType } from '../types.bicep'

@description('Name of the app, unique in the world.')
@maxLength(32)
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Resource id of the identity that it works as.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Name of the account that the platform keeps its own records and the app\'s package in.')
param hostAccountName string

@description('The container of that account with the package.')
param packageContainer string

@description('Name of the Application Insights component.')
param insightsName string

@description('The workspace that its logs go to.')
param workspaceId string

@description('How large it is and how far it grows.')
param scale scaleType

@description('Instances in more than one zone.')
param zoneRedundant bool

@description('The subnet that it sends from; left out: public addresses.')
param subnetId string?

@description('Whether only the callers below reach it, or whoever has a key.')
param restricted bool

@description('Who may call it where it is restricted: service tags and addresses.')
param callers callerType[]

@description('Addresses (CIDR) that may deploy to it, and call it, where it is restricted.')
param deployers string[]

@description('What the app reads, beside what the platform does.')
param settings settingsType

@description('Who may call.')
type callerType = {
  @description('Name of the rule.')
  name: string

  @description('A service tag, or an address in CIDR.')
  address: string

  @description('What the address is.')
  tag: 'ServiceTag' | 'Default'

  @description('What the request must carry.')
  headers: headersType
}

@description('Names of headers, and the values that will do.')
type headersType = {
  @description('A header.')
  *: string[]
}

resource host 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: subnetId
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${host.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.instanceMemoryMB
        maximumInstanceCount: scale.maximumInstances
        alwaysReady: scale.alwaysReady > 0 ? [{ name: 'http', instanceCount: scale.alwaysReady }] : []
        triggers: { http: { perInstanceConcurrency: scale.httpConcurrency } }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
      ipSecurityRestrictionsDefaultAction: restricted ? 'Deny' : 'Allow'
      ipSecurityRestrictions: [
        for (caller, place) in concat(
          callers,
          restricted
            ? map(deployers, address => { name: 'deployer', address: address, tag: 'Default', headers: {} })
            : []
        ): {
          name: caller.name
          action: 'Allow'
          priority: 100 + place
          ipAddress: caller.address
          tag: caller.tag
          headers: caller.headers
        }
      ]
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: restricted ? 'Deny' : 'Allow'
      scmIpSecurityRestrictions: [
        for (address, place) in (restricted ? deployers : []): {
          name: 'deployer'
          action: 'Allow'
          priority: 100 + place
          ipAddress: address
          tag: 'Default'
        }
      ]
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, {
      AzureWebJobsStorage__blobServiceUri: host.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: host.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: host.properties.primaryEndpoints.table
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    })
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    // What functions log goes to Application Insights; this is what the platform says of the app.
    logs: [{ category: 'AppServiceAuthenticationLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Resource id.')
output id string = app.id

@description('Name.')
output name string = app.name

@description('Where it answers.')
output hostName string = app.properties.defaultHostName

@description('Where its package is sent.')
output scmHostName string = filter(app.properties.hostNameSslStates, state => state.hostType == 'Repository')[0].name
