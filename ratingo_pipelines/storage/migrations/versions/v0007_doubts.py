"""Doubts about answers, titles found ineligible, and how many entries titles had when a cycle was opened."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    column,
    func,
    or_,
    select,
    table,
)

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TRENDING = ("cycle_id", "medium", "tmdb_id", "outcome", "reason", "updated_at")
_INELIGIBLE = ("medium", "tmdb_id", "reason", "found_at")


def upgrade() -> None:
    """Create the tables; what the newest list that named a title skipped as ineligible is so."""
    schema = own_schema()
    add_missing(_described(schema))
    named = table("pipeline_trending", *map(column, _TRENDING), schema=schema)
    found = table("pipeline_ineligible", *map(column, _INELIGIBLE), schema=schema)
    other = named.alias()
    newest = select(func.max(other.c.cycle_id)).where(
        other.c.medium == named.c.medium, other.c.tmdb_id == named.c.tmdb_id
    )
    skipped = (
        select(named.c.medium, named.c.tmdb_id, func.max(named.c.reason), func.max(named.c.updated_at))
        .where(named.c.tmdb_id.is_not(None), named.c.outcome == "skipped")
        .where(or_(named.c.reason.like("anime filter:%"), named.c.reason == "unknown to TMDB"))
        .where(named.c.cycle_id == newest.scalar_subquery())
        .group_by(named.c.medium, named.c.tmdb_id)
    )
    op.execute(found.insert().from_select(_INELIGIBLE, skipped))


def _needed(name: str, kind: type[Text | Integer | DateTime | Boolean]) -> Column[object]:
    return Column(name, kind(), nullable=False)


def _described(schema: str | None) -> MetaData:
    metadata = MetaData(schema=schema)
    Table(
        "pipeline_doubts",
        metadata,
        Column("id", Integer, primary_key=True),
        _needed("medium", Text),
        _needed("tmdb_id", Integer),
        _needed("part", Text),
        _needed("region", Text),
        Column("reason", Text),
        _needed("first_at", DateTime),
        _needed("last_at", DateTime),
        _needed("many", Boolean),
        Index("pipeline_doubts_unique_idx", "medium", "tmdb_id", "part", "region", unique=True),
    )
    Table(
        "pipeline_ineligible",
        metadata,
        Column("id", Integer, primary_key=True),
        _needed("medium", Text),
        _needed("tmdb_id", Integer),
        _needed("reason", Text),
        _needed("found_at", DateTime),
        Index("pipeline_ineligible_unique_idx", "medium", "tmdb_id", unique=True),
    )
    # What the counts belong to; it is there already.
    Table("pipeline_cycles", metadata, Column("id", Integer, primary_key=True))
    Table(
        "pipeline_entry_counts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("cycle_id", Integer, ForeignKey("pipeline_cycles.id", ondelete="CASCADE"), nullable=False),
        _needed("name", Text),
        _needed("titles", Integer),
        _needed("entries", Integer),
        Index("pipeline_entry_counts_unique_idx", "cycle_id", "name", unique=True),
    )
    return metadata
