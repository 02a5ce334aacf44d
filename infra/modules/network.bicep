// A network that the apps send from, and that everything but the edge is reached through.

import { tagsType } from '../types.bicep'

@description('Name of the network.')
param name string

@description('The end of every other name.')
param token string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Addresses of the network, a /16.')
param addresses string

@description('Whether Databricks needs its two subnets.')
param databricks bool

@description('DNS zones of what is reached privately.')
param zones string[]

var functions = [
  { name: 'scoring', delegation: 'Microsoft.App/environments' }
  { name: 'pipeline', delegation: 'Microsoft.App/environments' }
]
var endpoints = [{ name: 'endpoints', delegation: null }]
var clusters = databricks
  ? [
      { name: 'databricks-host', delegation: 'Microsoft.Databricks/workspaces' }
      { name: 'databricks-container', delegation: 'Microsoft.Databricks/workspaces' }
    ]
  : []
var subnets = concat(functions, endpoints, clusters)

// Nothing from the internet gets in by the default rules; no rule of our own opens anything.
resource closed 'Microsoft.Network/networkSecurityGroups@2025-01-01' = {
  name: 'nsg-${token}'
  location: location
  tags: tags
}

// One address to be let through the firewall of a database that is somewhere else.
resource outbound 'Microsoft.Network/publicIPAddresses@2025-01-01' = {
  name: 'pip-outbound-${token}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource nat 'Microsoft.Network/natGateways@2025-01-01' = {
  name: 'nat-${token}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    idleTimeoutInMinutes: 10
    publicIpAddresses: [{ id: outbound.id }]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addresses] }
    subnets: [
      for (subnet, place) in subnets: {
        name: subnet.name
        properties: {
          addressPrefix: cidrSubnet(addresses, 24, place)
          networkSecurityGroup: { id: closed.id }
          natGateway: { id: nat.id }
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Enabled'
          delegations: subnet.delegation == null
            ? []
            : [{ name: 'delegation', properties: { serviceName: subnet.delegation } }]
        }
      }
    ]
  }

  resource scoring 'subnets' existing = {
    name: 'scoring'
  }

  resource pipeline 'subnets' existing = {
    name: 'pipeline'
  }

  resource forEndpoints 'subnets' existing = {
    name: 'endpoints'
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zones: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource linked 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, place) in zones: {
    parent: zone[place]
    name: 'to-network'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

@description('The subnet that the scoring app sends from.')
output scoringSubnetId string = network::scoring.id

@description('The subnet that the pipeline app sends from.')
output pipelineSubnetId string = network::pipeline.id

@description('The subnet of the private endpoints.')
output endpointSubnetId string = network::forEndpoints.id

@description('The address that everything in it is seen to come from.')
output outboundAddress string = outbound.properties.ipAddress
