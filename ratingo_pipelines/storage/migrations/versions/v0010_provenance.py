"""Who gave the values that several sources may give. Of what is stored already nobody knows: the table begins empty."""

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    metadata = MetaData(schema=own_schema())
    Table(
        "pipeline_provenance",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("medium", Text, nullable=False),
        Column("tmdb_id", Integer, nullable=False),
        Column("value", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("answered_at", DateTime, nullable=False),
        Index("pipeline_provenance_unique_idx", "medium", "tmdb_id", "value", unique=True),
    )
    add_missing(metadata)
