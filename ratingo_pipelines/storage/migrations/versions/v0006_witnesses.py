"""Titles that sources answered well for: a table of this project's own."""

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    metadata = MetaData(schema=own_schema())
    Table(
        "pipeline_witnesses",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("medium", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("stage", Text, nullable=False),
        Column("tmdb_id", Integer, nullable=False),
        Column("answered_at", DateTime, nullable=False),
        Index("pipeline_witnesses_unique_idx", "medium", "source", "stage", "tmdb_id", unique=True),
    )
    add_missing(metadata)
