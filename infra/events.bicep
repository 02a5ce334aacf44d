// Tells the pipeline of every drop. Event Grid asks the function's webhook whether it wants that, so the code has to be there:
// deployed after main.bicep and the packages.

targetScope = 'resourceGroup'

@description('Name of the app that exports and trains.')
param pipelineAppName string

@description('Name of the topic.')
param topicName string

@description('Name of the account with the company\'s data.')
param dataAccountName string

var functionName = 'train_blob_trigger'
var watched = 'drops'
var deadLetters = 'deadletter'

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: pipelineAppName
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: dataAccountName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: functionName
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        // The key is made by the host when it first sees a blob trigger. It is read here and goes nowhere else.
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${functionName}&code=${listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension}'
        maxEventsPerBatch: 1
        minimumTlsVersionAllowed: '1.2'
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      // The slash at the end keeps out containers whose names begin like it.
      subjectBeginsWith: '/blobServices/default/containers/${watched}/'
      isSubjectCaseSensitive: true
      advancedFilters: [
        {
          // An upload in blocks tells of each step; these are told when the blob is whole.
          operatorType: 'StringIn'
          key: 'data.api'
          values: ['PutBlob', 'PutBlockList', 'CopyBlob', 'FlushWithClose']
        }
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: account.id
          blobContainerName: deadLetters
        }
      }
    }
  }
}
