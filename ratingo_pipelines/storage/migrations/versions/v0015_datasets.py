"""Datasets: how IMDb's was last read."""

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    metadata = MetaData(schema=own_schema())
    Table(
        "pipeline_datasets",
        metadata,
        Column("name", Text, primary_key=True),
        Column("url", Text, nullable=False),
        Column("etag", Text),
        Column("titles", Integer, nullable=False),
        Column("rows", Integer, nullable=False),
        Column("read_at", DateTime, nullable=False),
    )
    add_missing(metadata)
