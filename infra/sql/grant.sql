-- Lets the pipeline read the database that it exports. Run once by a member of the administrators' group, connected to that
-- database (not to master). @name is the output pipelineIdentityName of the deployment.
--   sqlcmd -G -S SERVER.database.windows.net -d DATABASE -v name="id-pipeline-xxxx" -i infra/sql/grant.sql
-- FROM EXTERNAL PROVIDER needs a server identity that may read the directory (Directory Readers). Without one, use the second form:
--   CREATE USER [name] WITH SID = 0x..., TYPE = E;   -- SID: the identity's client id as 16 bytes, see docs/deploy.md
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'$(name)')
    CREATE USER [$(name)] FROM EXTERNAL PROVIDER;

-- Reading, and nothing else.
IF IS_ROLEMEMBER('db_datareader', N'$(name)') = 0
    ALTER ROLE db_datareader ADD MEMBER [$(name)];
