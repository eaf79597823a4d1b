"""Alembic's entry: runs the revisions on the connection, and in the transaction, that `schema.upgrade` gives it."""

from alembic import context

from ratingo_pipelines.storage.pipeline_tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=context.config.attributes["pipeline_schema"],
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
