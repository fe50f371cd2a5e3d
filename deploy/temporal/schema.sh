#!/bin/sh
# Makes Temporal's two databases in PostgreSQL and brings their schemas up to date; harmless to repeat.
set -eu

prepare() {
    tool="temporal-sql-tool --plugin $DB --ep $POSTGRES_SEEDS -p $DB_PORT -u $POSTGRES_USER --db $1"
    # Both refuse what exists already; `update-schema` fails for good when it is missing instead.
    $tool create || echo "database $1 is there already"
    $tool setup-schema -v 0.0 || echo "database $1 has a schema already"
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
