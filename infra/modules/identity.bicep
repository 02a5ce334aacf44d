// Who an app is: it holds no key and no password.

import { tagsType } from '../types.bicep'

@description('Name of the identity.')
param name string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id.')
output id string = identity.id

@description('What roles are given to.')
output principalId string = identity.properties.principalId

@description('What an app names to say which of its identities it means.')
output clientId string = identity.properties.clientId

@description('Its name, as databases know it.')
output name string = identity.name
