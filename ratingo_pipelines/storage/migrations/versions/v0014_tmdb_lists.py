"""Lists of TMDB's: its popularity of each title, and the largest of a list, where Trakt's tell watchers."""

from sqlalchemy import Column, Double, MetaData, Table

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    metadata = MetaData(schema=own_schema())
    Table("pipeline_cycles", metadata, Column("max_popularity", Double))
    Table("pipeline_trending", metadata, Column("popularity", Double))
    add_missing(metadata)
