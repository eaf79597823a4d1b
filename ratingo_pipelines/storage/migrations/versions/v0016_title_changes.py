"""What changed of titles. Of what was stored before nothing is on record: the table begins empty."""

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    metadata = MetaData(schema=own_schema())
    Table(
        "pipeline_title_changes",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("medium", Text, nullable=False),
        Column("tmdb_id", Integer, nullable=False),
        Column("title", Text),
        Column("kind", Text, nullable=False),
        Column("region", Text),
        Column("before", Text),
        Column("after", Text),
        Column("cycle_id", Integer),
        Column("changed_at", DateTime, nullable=False),
        Index("pipeline_title_changes_title_idx", "medium", "tmdb_id"),
        Index("pipeline_title_changes_medium_idx", "medium", "id"),
    )
    add_missing(metadata)
