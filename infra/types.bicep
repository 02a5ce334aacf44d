// What the parameters of more than one file are made of.

@export()
@description('How large an app is and how far it grows.')
type scaleType = {
  @description('Memory of an instance in MB; the processor share grows with it (2048: 1 core, 4096: 2 cores).')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('No more instances than this are started.')
  @minValue(40)
  @maxValue(1000)
  maximumInstances: int

  @description('Instances that wait warm for requests, and are paid for while they wait; 0: none.')
  @minValue(0)
  @maxValue(100)
  alwaysReady: int

  @description('HTTP requests that an instance answers at once, before another one is started.')
  @minValue(1)
  @maxValue(1000)
  httpConcurrency: int
}

@export()
@description('The database that is exported.')
@discriminator('kind')
type databaseType = newDatabaseType | azureSqlType | secretDatabaseType | noDatabaseType

@description('An Azure SQL database that is made here.')
type newDatabaseType = {
  @description('Which kind of source this is.')
  kind: 'new'

  @description('Name of the Entra group that administers it.')
  administratorsName: string

  @description('Object id of that group.')
  @minLength(36)
  @maxLength(36)
  administratorsId: string
}

@description('An Azure SQL database that is there already; the pipeline logs in as its identity.')
type azureSqlType = {
  @description('Which kind of source this is.')
  kind: 'azureSql'

  @description('The server\'s full name.')
  server: string

  @description('The database\'s name.')
  database: string
}

@description('Any ODBC database; its connection string is the secret sql-connection-string of the key vault.')
type secretDatabaseType = {
  @description('Which kind of source this is.')
  kind: 'secret'
}

@description('None: people drop CSV files, and nothing is exported.')
type noDatabaseType = {
  @description('Which kind of source this is.')
  kind: 'none'
}

@export()
@description('Tags of every resource.')
type tagsType = {
  @description('A tag.')
  *: string
}

@export()
@description('Names and values of app settings.')
type settingsType = {
  @description('A setting.')
  *: string
}
