"""Titles that TMDB's feed of changes names, and how far it was read. Of before nothing is known: both begin empty."""

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    metadata = MetaData(schema=own_schema())
    Table(
        "pipeline_due_titles",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("medium", Text, nullable=False),
        Column("tmdb_id", Integer, nullable=False),
        Column("due_since", DateTime, nullable=False),
        Index("pipeline_due_titles_unique_idx", "medium", "tmdb_id", unique=True),
    )
    Table(
        "pipeline_changes_read",
        metadata,
        Column("medium", Text, nullable=False),
        Column("read_to", DateTime, nullable=False),
        PrimaryKeyConstraint("medium"),
    )
    add_missing(metadata)
