"""Constraints and defaults as the site's own migrations make them, so that these find nothing to change."""

from alembic import op
from sqlalchemy import Column, Inspector, Table, inspect, text

from ratingo_pipelines.storage.migrations.own_schema import own_schema
from ratingo_pipelines.storage.migrations.versions import v0001_contract, v0002_pipeline

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the constraints; on PostgreSQL, give the timestamps the site's default."""
    inspector = inspect(op.get_bind())
    for titles in ("shows", "movies"):
        _add_constraint(inspector, titles, f"{titles}_tmdb_id_unique")
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        for table in v0001_contract.described(dialect).sorted_tables:
            _set_defaults(inspector, table, None)
        for table in v0002_pipeline.described(dialect).sorted_tables:
            _set_defaults(inspector, table, own_schema())


def _add_constraint(inspector: Inspector, titles: str, name: str) -> None:
    there = {constraint["name"] for constraint in inspector.get_unique_constraints(titles)}
    # Drizzle makes it an index on SQLite, which knows no constraint but by way of an index either.
    there |= {index["name"] for index in inspector.get_indexes(titles)}
    if name not in there:
        with op.batch_alter_table(titles) as batch:
            batch.create_unique_constraint(name, ["tmdb_id"])


def _set_defaults(inspector: Inspector, table: Table, schema: str | None) -> None:
    found = {column["name"]: column["default"] for column in inspector.get_columns(table.name, schema=schema)}
    timed: list[Column[object]] = [column for column in table.columns if column.server_default is not None]
    for column in timed:
        if found[column.name] != "now()":
            op.alter_column(table.name, column.name, server_default=text("now()"), schema=schema)
