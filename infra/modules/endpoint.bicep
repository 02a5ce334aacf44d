// A private address of something.

import { tagsType } from '../types.bicep'

@description('Name of the endpoint.')
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Resource id of what is reached by it.')
param targetId string

@description('Which part of that: blob, queue, table, vault, sqlServer, ...')
param part string

@description('The subnet that it is in.')
param subnetId string

@description('Name of the DNS zone that gives its address.')
param zoneName string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: zoneName
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    customNetworkInterfaceName: 'nic-${name}'
    privateLinkServiceConnections: [
      {
        name: part
        properties: {
          privateLinkServiceId: targetId
          groupIds: [part]
        }
      }
    ]
  }

  resource addresses 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: part, properties: { privateDnsZoneId: zone.id } }]
    }
  }
}
