-- The four roles. Roles belong to the whole server: what is there already is left as it is.
-- The migrating role owns what it makes. Where that is not cryptoviz_owner, a role of this name is made without a login.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('cryptoviz_owner', 'NOLOGIN'),
            ('cryptoviz_writer', 'LOGIN'),
            ('cryptoviz_api', 'LOGIN'),
            ('cryptoviz_analyst', 'LOGIN')
        ) AS roles (name, login)
        WHERE name NOT IN (SELECT rolname FROM pg_roles)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.login);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this server is being migrated at the same moment
        END;
    END LOOP;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO cryptoviz_owner, cryptoviz_writer, cryptoviz_api, cryptoviz_analyst', current_database());
    -- the writer stages rows in a temporary table before it merges them
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO cryptoviz_owner, cryptoviz_writer', current_database());
    EXECUTE format('ALTER ROLE cryptoviz_analyst IN DATABASE %I SET default_transaction_read_only = on', current_database());
    EXECUTE format('ALTER ROLE cryptoviz_analyst IN DATABASE %I SET statement_timeout = ''30s''', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO cryptoviz_writer, cryptoviz_api, cryptoviz_analyst;
GRANT USAGE ON SCHEMA cryptoviz TO cryptoviz_writer, cryptoviz_analyst;
GRANT ALL ON SCHEMA public, cryptoviz TO cryptoviz_owner;

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO cryptoviz_api, cryptoviz_analyst;
ALTER DEFAULT PRIVILEGES IN SCHEMA cryptoviz GRANT SELECT ON TABLES TO cryptoviz_analyst;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO cryptoviz_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA cryptoviz GRANT ALL ON TABLES TO cryptoviz_owner;

-- what the migrations are recorded in is there before them
GRANT SELECT ON cryptoviz.schema_migration TO cryptoviz_analyst;
GRANT ALL ON cryptoviz.schema_migration TO cryptoviz_owner;
