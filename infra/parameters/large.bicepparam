// For a firm of 10,000 people: three zones, instances that wait warm, a network of its own, one door on the internet.
using '../main.bicep'

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', 'owner@example.com')
param monthlyBudget = 3000
param operatorsId = readEnvironmentVariable('OPERATORS_ID', '00000000-0000-0000-0000-000000000001')
param operatorsType = readEnvironmentVariable('OPERATORS_TYPE', 'Group')
param scoring = {
  instanceMemoryMB: 2048
  maximumInstances: 200
  alwaysReady: 2
  httpConcurrency: 32
}
param pipeline = {
  instanceMemoryMB: 4096
  maximumInstances: 40
  alwaysReady: 0
  httpConcurrency: 1
}
param database = {
  kind: 'new'
  administratorsName: readEnvironmentVariable('SQL_ADMINISTRATORS', 'sql-administrators')
  administratorsId: readEnvironmentVariable('SQL_ADMINISTRATORS_ID', '00000000-0000-0000-0000-000000000000')
}
param exportRanges = 2
param zoneRedundant = true
param privateNetwork = true
// The build machine's addresses, as CIDR with commas between: without any, deploy from inside the network.
param deployFrom = empty(readEnvironmentVariable('DEPLOY_FROM', ''))
  ? []
  : split(readEnvironmentVariable('DEPLOY_FROM', ''), ',')
param frontDoor = true
param databricks = true
param logRetentionDays = 90
param logDailyCapGB = -1
param predictionLogSample = '0.1'
param restorableDays = 30
