// What wakes somebody. docs/operate.md says of each what it means and what to do.

import { tagsType } from '../types.bicep'

@description('The end of every name.')
param token string

@description('Where it is.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Who is told.')
param email string

@description('The workspace that is asked.')
param workspaceId string

@description('Resource id of the topic.')
param topicId string

@description('Whether there is anything to export, and so to miss.')
param exports bool

@description('Milliseconds that 19 of 20 requests to score must be answered in.')
param slowestMilliseconds int

@description('Beginning of the name that the pipeline\'s logs carry.')
param pipelineRole string

var exportAlerts = [
  {
    name: 'export-failed'
    text: 'An export failed. The datasets that it left out keep yesterday\'s rows.'
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    query: 'AppRequests | where Name == "export_timer" and Success == false'
    above: 0
  }
  {
    name: 'export-missing'
    text: 'No export has succeeded for 26 hours.'
    severity: 2
    every: 'PT1H'
    window: 'PT1H'
    query: 'AppRequests | where TimeGenerated > ago(26h) | where Name == "export_timer" and Success == true | summarize done = count() | where done == 0'
    above: 0
  }
]
var otherAlerts = [
  {
    name: 'training-failed'
    text: 'A drop could not be trained on or scored; it is tried again, five times in all.'
    severity: 3
    every: 'PT15M'
    window: 'PT1H'
    query: 'AppRequests | where Name == "train_blob_trigger" and Success == false'
    above: 0
  }
  {
    name: 'drop-poisoned'
    text: 'A drop failed five times and was put aside; nothing will come of it by itself.'
    severity: 1
    every: 'PT15M'
    window: 'PT1H'
    query: 'StorageQueueLogs | where OperationName == "PutMessage" and Uri has "webjobs-blobtrigger-poison"'
    above: 0
  }
  {
    name: 'drop-refused'
    text: 'A drop was refused: its run record says which rows or columns, and why.'
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    query: 'AppTraces | where AppRoleName startswith "${pipelineRole}" and Message has_all ("slot", "refused:")'
    above: 0
  }
  {
    name: 'drift'
    text: 'A version became due because the data have moved, or the one that serves has got worse.'
    severity: 3
    every: 'PT1H'
    window: 'PT1H'
    query: 'AppTraces | where AppRoleName startswith "${pipelineRole}" and Message has "was due:" and Message has_any (${join(map(driftWords, words => '"${words}"'), ', ')})'
    above: 0
  }
  {
    name: 'scoring-errors'
    text: 'Scoring answered with 5xx more than five times in a quarter of an hour.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: 'AppRequests | where Name == "score_http" and toint(ResultCode) >= 500'
    above: 5
  }
  {
    name: 'scoring-slow'
    text: 'One request to score of 20 took longer than ${slowestMilliseconds} ms.'
    severity: 3
    every: 'PT15M'
    window: 'PT30M'
    query: 'AppRequests | where Name == "score_http" | summarize calls = count(), slow = percentile(DurationMs, 95) | where calls >= 20 and slow > ${slowestMilliseconds}'
    above: 0
  }
]

// As shared/training/policy.py and shared/training/forecast/policy.py write them.
var driftWords = [
  'have drifted'
  'told apart'
  'base rate'
  'fallen by more than'
  'days against'
  'intervals of 90'
]

var lostEvents = [
  {
    name: 'events-dead-lettered'
    metric: 'DeadLetteredCount'
    text: 'Event Grid gave up telling of a drop; the event is in deadletter/.'
  }
  {
    name: 'events-dropped'
    metric: 'DroppedEventCount'
    text: 'Event Grid lost an event: not even the dead letter was written.'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cauce'
    enabled: true
    emailReceivers: [{ name: 'owner', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource byLog 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for alert in concat(exports ? exportAlerts : [], otherAlerts): {
    name: '${alert.name}-${token}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.name
      description: '${alert.text} See docs/operate.md, ${alert.name}.'
      severity: alert.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: alert.every
      windowSize: alert.window
      overrideQueryTimeRange: alert.name == 'export-missing' ? 'P2D' : null
      autoMitigate: true
      // A table is not there before its first line is, which in a new workspace is later than this rule.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: alert.above
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]

resource byMetric 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for alert in lostEvents: {
    name: '${alert.name}-${token}'
    location: 'global'
    tags: tags
    properties: {
      description: '${alert.text} See docs/operate.md, ${alert.name}.'
      severity: 1
      enabled: true
      scopes: [topicId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT1H'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'any'
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: alert.metric
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: [{ actionGroupId: people.id }]
    }
  }
]
