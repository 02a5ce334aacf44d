// What may be spent in a month, and who hears of it.

@description('Who hears of it.')
param email string

@description('What may be spent in a month, in the currency of the subscription.')
@minValue(1)
param amount int

@description('The first day of a month.')
param start string

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: 'cauce'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: start }
    notifications: {
      mostIsSpent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: [email]
      }
      moreWillBeSpent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [email]
      }
    }
  }
}
