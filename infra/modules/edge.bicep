// Azure Front Door: the one address on the internet, with a firewall in front of scoring.

import { tagsType } from '../types.bicep'

@description('Name of the profile.')
param profileName string

@description('Beginning of the host name that the internet sees.')
param endpointName string

@description('Name of the firewall policy: letters and digits.')
param firewallName string

@description('Tags of every resource.')
param tags tagsType

@description('Requests of one address in five minutes, beyond which it is refused for a while.')
@minValue(100)
param mostRequests int

@description('The workspace that its logs go to.')
param workspaceId string

resource profile 'Microsoft.Cdn/profiles@2025-06-01' = {
  name: profileName
  location: 'global'
  tags: tags
  sku: { name: 'Standard_AzureFrontDoor' }
  properties: { originResponseTimeoutSeconds: 230 }

  resource endpoint 'afdEndpoints' = {
    name: endpointName
    location: 'global'
    tags: tags
    properties: { enabledState: 'Enabled' }
  }

  resource security 'securityPolicies' = {
    name: 'firewall'
    properties: {
      parameters: {
        type: 'WebApplicationFirewall'
        wafPolicy: { id: firewall.id }
        associations: [{ domains: [{ id: endpoint.id }], patternsToMatch: ['/*'] }]
      }
    }
  }
}

resource firewall 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2025-10-01' = {
  name: firewallName
  location: 'global'
  tags: tags
  sku: { name: 'Standard_AzureFrontDoor' }
  properties: {
    policySettings: {
      enabledState: 'Enabled'
      mode: 'Prevention'
      customBlockResponseStatusCode: 429
    }
    customRules: {
      rules: [
        {
          name: 'TooMany'
          priority: 1
          ruleType: 'RateLimitRule'
          rateLimitDurationInMinutes: 5
          rateLimitThreshold: mostRequests
          matchConditions: [
            { matchVariable: 'RequestUri', operator: 'Contains', matchValue: ['/'] }
          ]
          action: 'Block'
        }
      ]
    }
  }
}

#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: profile
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FrontDoorWebApplicationFirewallLog', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('The id that requests through it carry, by which scoring knows them.')
output frontDoorId string = profile.properties.frontDoorId

@description('Where the internet finds it.')
output hostName string = profile::endpoint.properties.hostName
