"""This project's own tables move into a schema of their own; each installation notes whose site it serves."""

from alembic import op
from sqlalchemy import Column, Text, inspect

from ratingo_pipelines.storage.migrations.own_schema import move, own_schema
from ratingo_pipelines.storage.pipeline_tables import VERSION_TABLE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = (
    *("pipeline_cycles", "pipeline_trending", "pipeline_failures", "pipeline_asked", "pipeline_quota"),
    *("pipeline_monthly_lists", "pipeline_monthly_watchers"),
)


def upgrade() -> None:
    """Move the tables; all stay where they are on SQLite."""
    conn, schema = op.get_bind(), own_schema()
    if schema is not None:
        for table in _TABLES:
            move(conn, table, schema)
    if "site_schema" not in {column["name"] for column in inspect(conn).get_columns(VERSION_TABLE, schema=schema)}:
        op.add_column(VERSION_TABLE, Column("site_schema", Text), schema=schema)
