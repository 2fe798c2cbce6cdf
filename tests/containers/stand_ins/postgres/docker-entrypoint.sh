#!/bin/sh
# What the official image does at its first start, as far as compose.yaml needs it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  umask 077
  printf '%s\n' "$POSTGRES_PASSWORD" > /tmp/pwfile
  # shellcheck disable=SC2086 # several options in one variable, as the official image has it
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/pwfile ${POSTGRES_INITDB_ARGS:-}
  rm /tmp/pwfile
  printf '\nhost all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
  # Only the socket answers while the folder is prepared.
  pg_ctl -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql" -w start
  export PGHOST=/var/run/postgresql
  for file in /docker-entrypoint-initdb.d/*.sh; do
    [ -e "$file" ] && "$file"
  done
  unset PGHOST
  pg_ctl -m fast -w stop
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
