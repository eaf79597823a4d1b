"""Attempts: what lists were last asked for and what came of it; what a cycle's list was asked for, and who gave it."""

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add the columns to the cycles."""
    metadata = MetaData(schema=own_schema())
    Table("pipeline_cycles", metadata, Column("asked", Integer), Column("source", Text))
    Table(
        "pipeline_attempts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("medium", Text, nullable=False),
        Column("what", Text, nullable=False),
        Column("asked_at", DateTime, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("reason", Text),
        Column("cycle_id", Integer),
        Column("ahead_seconds", Integer),
        Index("pipeline_attempts_what_idx", "medium", "what"),
    )
    add_missing(metadata)
