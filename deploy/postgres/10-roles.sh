#!/bin/sh
# Runs once, on an empty data folder: the owner with its database, and the role that runs on it.
# EVSLOT_DATABASE, EVSLOT_OWNER, EVSLOT_OWNER_PASSWORD and EVSLOT_APP_PASSWORD come from compose.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set database="$EVSLOT_DATABASE" --set owner="$EVSLOT_OWNER" --set app="${EVSLOT_OWNER}_app" \
  --set owner_password="$EVSLOT_OWNER_PASSWORD" --set app_password="$EVSLOT_APP_PASSWORD" \
  --file - <<'SQL'
-- A password must never stand in the server's log.
set log_statement = 'none';
set log_min_error_statement = 'panic';

create role :"owner" login nosuperuser nocreatedb nocreaterole password :'owner_password';
create role :"app" login nosuperuser nocreatedb nocreaterole password :'app_password';

-- A server without time limits waits for ever; these end what hangs in a service.
alter role :"app" set statement_timeout = '10s';
alter role :"app" set lock_timeout = '1s';
alter role :"app" set idle_in_transaction_session_timeout = '10s';
alter role :"app" set transaction_timeout = '15s';

create database :"database" owner :"owner" template template0;
revoke all on database :"database", postgres, template1 from public;
grant connect on database :"database" to :"app";

\connect :"database"
revoke all on schema public from public;
grant usage, create on schema public to :"owner";
grant usage on schema public to :"app";
-- What the owner's migrations make; they take away again what is append only.
alter default privileges for role :"owner" in schema public
  grant select, insert, update, delete on tables to :"app";
alter default privileges for role :"owner" in schema public grant usage on sequences to :"app";
alter default privileges for role :"owner" in schema public grant execute on functions to :"app";
SQL
