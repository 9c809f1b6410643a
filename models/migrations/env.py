"""What Alembic runs for every command: the connection comes from `models.migrate`, never from a file."""

from alembic import context

from models.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, compare_server_default=True
)
with context.begin_transaction():
    context.run_migrations()
