"""Checks the privileges that the processes need: INSERT into every table, UPDATE of rows that may change, and temporary
tables."""

from typing import Final

from sqlalchemy import text

from models.session import engine_of
from models.tables.registry import metadata

__all__ = ["missing_privileges"]

_MISSING: Final = text(
    """
    SELECT privilege || ' on ' || name
    FROM unnest(CAST(:tables AS text[])) AS name, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS privilege
    WHERE to_regclass(quote_ident(name)) IS NOT NULL AND NOT has_table_privilege(quote_ident(name), privilege)
      AND (privilege <> 'UPDATE' OR NOT EXISTS (
          SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(name)) AND tgname = name || '_is_kept'))
    UNION ALL
    SELECT 'TEMPORARY on the database' WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
    ORDER BY 1
    """
)


def missing_privileges(url: str) -> list[str]:
    """The missing privileges, named as GRANT names them. Tables that do not exist are left to the migrations."""
    with engine_of(url).connect() as connection:
        return list(connection.scalars(_MISSING, {"tables": sorted(metadata.tables)}))
