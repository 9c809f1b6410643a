"""PostgreSQL: tables, queries, migrations. Functions take a libpq URL or a session, never Settings."""
