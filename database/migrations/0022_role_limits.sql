-- Who only reads can neither keep data here nor hold a lock that others wait for: PostgreSQL lets everyone make large
-- objects, take advisory locks and write into the log of changes, TimescaleDB lets everyone add jobs. On a server where
-- the migrating role may not take that back, it stays so, with a warning.
DO $$
DECLARE
    open_to_all regprocedure;
    kept regprocedure[] := '{}';
BEGIN
    EXECUTE format(
        'ALTER ROLE cryptoviz_analyst IN DATABASE %I SET idle_in_transaction_session_timeout = ''5min''', current_database()
    );
    FOR open_to_all IN
        SELECT oid::regprocedure
        FROM pg_proc
        WHERE has_function_privilege('public', oid, 'EXECUTE') AND (
            pronamespace = 'pg_catalog'::regnamespace
                AND proname ~ '^(lo_.+|loread|lowrite|pg_(try_)?advisory_.+|pg_logical_emit_message)$'
            OR pronamespace = 'public'::regnamespace AND proname = 'add_job'
        )
        ORDER BY 1
    LOOP
        IF pg_has_role((SELECT proowner FROM pg_proc WHERE oid = open_to_all), 'USAGE') THEN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', open_to_all);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO cryptoviz_owner', open_to_all);
        ELSE
            kept := kept || open_to_all;
        END IF;
    END LOOP;
    IF kept <> '{}' THEN
        RAISE WARNING 'everyone who may log in may go on to call %', array_to_string(kept, ', ')
            USING HINT = 'A superuser can REVOKE EXECUTE on them FROM PUBLIC, and GRANT it to whoever migrates.';
    END IF;
END
$$;
