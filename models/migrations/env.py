"""The script that Alembic runs for every command, on the connection of `models.migrations.migrate`."""

from typing import Any

from alembic import context

from models.tables.registry import metadata
from models.tables.spend_log import partition_names

_PARTITIONS = frozenset(partition_names())


def _is_compared(name: str | None, kind: str, parents: Any) -> bool:
    """Whether models have the table: they know partitioned tables, not their partitions."""
    return not (kind == "table" and name in _PARTITIONS)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=True,
    include_name=_is_compared,
)
with context.begin_transaction():
    context.run_migrations()
