// The same as main.bicep, and the resource group it is in: for those who may make one in the subscription.

import { databaseType, scaleType, tagsType } from 'types.bicep'

targetScope = 'subscription'

@description('Name of the resource group.')
param groupName string = 'rg-cauce'

@description('Beginning of every name that is seen outside; with another one, a second Cauce has room in the group.')
@minLength(2)
@maxLength(9)
param name string = 'cauce'

@description('Where everything is.')
param location string

@description('Tags of every resource.')
param tags tagsType = { application: 'cauce' }

@description('Who hears of alerts and of the budget.')
@minLength(3)
param alertEmail string

@description('What may be spent in a month, in the currency of the subscription; beyond it somebody is told, nothing stops.')
@minValue(1)
param monthlyBudget int

@description('The month that the budget begins with.')
param budgetStart string = utcNow('yyyy-MM-01')

@description('Object id of the Entra group (or user, or service) that drops files, reads results and promotes versions; empty: nobody.')
param operatorsId string = ''

@description('What that id is of.')
@allowed(['Group', 'User', 'ServicePrincipal'])
param operatorsType string = 'Group'

@description('The app that answers requests.')
param scoring scaleType

@description('The app that exports and trains.')
param pipeline scaleType

@description('The database that is exported.')
param database databaseType

@description('When it is exported: six-field NCRONTAB, in UTC.')
param exportSchedule string = '0 0 2 * * *'

@description('Processes that read one large table at once.')
@minValue(1)
param exportRanges int = 1

@description('Instances and copies of data in three zones, where the region has them.')
param zoneRedundant bool

@description('Nothing is reached over public addresses but the edge, by Event Grid the pipeline, and both by deployFrom.')
param privateNetwork bool

@description('Addresses of the private network, a /16.')
param networkAddresses string = '10.20.0.0/16'

@description('Addresses (CIDR) that may deploy and drop files in spite of the private network: a build machine, an office.')
param deployFrom string[] = []

@description('Azure Front Door, with its firewall, in front of scoring.')
param frontDoor bool

@description('Requests of one address in five minutes, beyond which Front Door refuses it.')
@minValue(100)
param mostRequests int = 30000

@description('A Databricks workspace that reads the exports.')
param databricks bool

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int

@description('GB of logs a day after which no more are taken; -1: no limit.')
param logDailyCapGB int

@description('The share of answered rows that is written into the prediction log.')
param predictionLogSample string = '1'

@description('Container to days after which its blobs are deleted. Exports are looked after by the export itself.')
param deletedAfterDays { *: int } = {
  predictions: 400
  results: 400
  quarantine: 90
  deadletter: 90
}

@description('Days that deleted and overwritten blobs can be restored.')
@minValue(7)
@maxValue(365)
param restorableDays int = 14

@description('Milliseconds that 19 of 20 requests to score must be answered in, before somebody is told.')
param slowestMilliseconds int = 2000

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: groupName
  location: location
  tags: tags
}

module cauce 'main.bicep' = {
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    alertEmail: alertEmail
    monthlyBudget: monthlyBudget
    operatorsId: operatorsId
    operatorsType: operatorsType
    budgetStart: budgetStart
    scoring: scoring
    pipeline: pipeline
    database: database
    exportSchedule: exportSchedule
    exportRanges: exportRanges
    zoneRedundant: zoneRedundant
    privateNetwork: privateNetwork
    networkAddresses: networkAddresses
    deployFrom: deployFrom
    frontDoor: frontDoor
    mostRequests: mostRequests
    databricks: databricks
    logRetentionDays: logRetentionDays
    logDailyCapGB: logDailyCapGB
    predictionLogSample: predictionLogSample
    deletedAfterDays: deletedAfterDays
    restorableDays: restorableDays
    slowestMilliseconds: slowestMilliseconds
  }
}

@description('Where callers find scoring.')
output scoringUrl string = cauce.outputs.scoringUrl

@description('Name of the app that answers requests.')
output scoringAppName string = cauce.outputs.scoringAppName

@description('Name of the app that exports and trains.')
output pipelineAppName string = cauce.outputs.pipelineAppName

@description('Name of the topic that events.bicep subscribes to.')
output topicName string = cauce.outputs.topicName

@description('Name of the account with the company\'s data.')
output dataAccountName string = cauce.outputs.dataAccountName
