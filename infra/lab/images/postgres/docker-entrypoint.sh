#!/bin/bash
# What the image's entry point does, as far as its documentation promises it: give the data directory to `postgres`,
# become that user, make a cluster if there is none, serve. Database, user and password come by POSTGRES_*, or by
# POSTGRES_*_FILE.
set -euo pipefail

setting() { # NAME DEFAULT: the value, or what the file holds that NAME_FILE names; both is an error
  local file="${1}_FILE"
  if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
    echo "error: both $1 and $file are set (but are exclusive)" >&2
    exit 1
  fi
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf %s "${!1:-$2}"; fi
}

case "${1:-postgres}" in -*) set -- postgres "$@" ;; esac
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres {} +
  # as the image does: the files of secrets are read by root, the server runs without that right
  POSTGRES_PASSWORD="$(setting POSTGRES_PASSWORD '')"
  export POSTGRES_PASSWORD
  unset POSTGRES_PASSWORD_FILE
  exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user="$(setting POSTGRES_USER postgres)"
  database="$(setting POSTGRES_DB "$user")"
  password="$(setting POSTGRES_PASSWORD '')"
  if [ -z "$password" ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    exit 1
  fi
  # shellcheck disable=SC2086 # several options in one variable, as documented
  initdb --username="$user" --pwfile=<(printf '%s\n' "$password") -D "$PGDATA" ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  PGPASSWORD="$password" pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
  export PGPASSWORD="$password"
  if [ "$database" != postgres ]; then createdb --username="$user" "$database"; fi
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) . "$file" ;;
      *.sql) psql -v ON_ERROR_STOP=1 --no-psqlrc --username="$user" --dbname="$database" --file="$file" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
fi
unset POSTGRES_PASSWORD
exec "$@"
