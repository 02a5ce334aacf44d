// The private addresses of everything that the apps talk to: a row is an endpoint.

import { tagsType } from '../types.bicep'

@description('The end of every name.')
param token string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('The subnet that they are in.')
param subnetId string

@description('Part of a service to the DNS zone that gives its addresses.')
param zoneOf { *: string }

@description('Name of the account with the company\'s data.')
param dataAccountName string

@description('Name of the scoring app\'s own account.')
param scoringHostAccountName string

@description('Name of the pipeline app\'s own account.')
param pipelineHostAccountName string

@description('Name of the key vault.')
param vaultName string

@description('Name of the SQL server, where one is made.')
param sqlServerName string?

@description('Name of the Databricks workspace, where there is one.')
param databricksName string?

var wanted = [
  { name: 'data', type: 'Microsoft.Storage/storageAccounts', target: dataAccountName, part: 'blob' }
  { name: 'data', type: 'Microsoft.Storage/storageAccounts', target: dataAccountName, part: 'queue' }
  { name: 'scoring', type: 'Microsoft.Storage/storageAccounts', target: scoringHostAccountName, part: 'blob' }
  { name: 'scoring', type: 'Microsoft.Storage/storageAccounts', target: scoringHostAccountName, part: 'queue' }
  { name: 'scoring', type: 'Microsoft.Storage/storageAccounts', target: scoringHostAccountName, part: 'table' }
  { name: 'pipeline', type: 'Microsoft.Storage/storageAccounts', target: pipelineHostAccountName, part: 'blob' }
  { name: 'pipeline', type: 'Microsoft.Storage/storageAccounts', target: pipelineHostAccountName, part: 'queue' }
  { name: 'pipeline', type: 'Microsoft.Storage/storageAccounts', target: pipelineHostAccountName, part: 'table' }
  { name: 'vault', type: 'Microsoft.KeyVault/vaults', target: vaultName, part: 'vault' }
]
var ofSql = sqlServerName == null
  ? []
  : [{ name: 'sql', type: 'Microsoft.Sql/servers', target: sqlServerName ?? '', part: 'sqlServer' }]
var ofDatabricks = databricksName == null
  ? []
  : [
      {
        name: 'databricks'
        type: 'Microsoft.Databricks/workspaces'
        target: databricksName ?? ''
        part: 'databricks_ui_api'
      }
    ]

module endpoint 'endpoint.bicep' = [
  for row in concat(wanted, ofSql, ofDatabricks): {
    params: {
      name: 'pe-${row.name}-${row.part}-${token}'
      location: location
      tags: tags
      targetId: resourceId(row.type, row.target)
      part: row.part
      subnetId: subnetId
      zoneName: zoneOf[row.part]
    }
  }
]
