"""What Alembic runs a migration in: the connection that `sentinel_core.store.migrate` hands over."""

from alembic import context

from sentinel_core.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table in place: a copy takes its place.
    render_as_batch=True,
)
context.run_migrations()
