// For a firm of 15 people: next to nothing while idle, one zone, reached over public addresses with keys and identities.
using '../main.bicep'

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', 'owner@example.com')
param monthlyBudget = 50
param operatorsId = readEnvironmentVariable('OPERATORS_ID', '')
param operatorsType = readEnvironmentVariable('OPERATORS_TYPE', 'Group')
param scoring = {
  instanceMemoryMB: 2048
  maximumInstances: 40
  alwaysReady: 0
  httpConcurrency: 16
}
param pipeline = {
  instanceMemoryMB: 4096
  maximumInstances: 40
  alwaysReady: 0
  httpConcurrency: 1
}
param database = { kind: 'secret' }
param zoneRedundant = false
param privateNetwork = false
param frontDoor = false
param databricks = false
param logRetentionDays = 31
param logDailyCapGB = 1
