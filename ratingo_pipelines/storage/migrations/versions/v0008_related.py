"""Candidates for related titles; what titles link to now are their first candidates."""

from alembic import op
from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, column, literal, select, table

from ratingo_pipelines.storage.migrations.adoption import add_missing
from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEPT = ("medium", "tmdb_id", "candidate_tmdb_id", "source", "rank")


def upgrade() -> None:
    """Create the table, and fill it with the links that there are."""
    schema = own_schema()
    add_missing(_described(schema))
    kept = table("pipeline_related", *map(column, _KEPT), schema=schema)
    for medium, one in (("shows", "show"), ("movies", "movie")):
        titles = table(medium, column("id"), column("tmdb_id"))
        other = titles.alias("other")
        parent, child = f"{one}_id", f"related_{one}_id"
        links = table(f"{one}_related", *map(column, (parent, child, "source", "rank")))
        found = (
            select(literal(medium), titles.c.tmdb_id, other.c.tmdb_id, links.c.source, links.c.rank)
            .join_from(links, titles, titles.c.id == links.c[parent])
            .join(other, other.c.id == links.c[child])
            .where(links.c.source.is_not(None), links.c.rank.is_not(None))
        )
        op.execute(kept.insert().from_select(_KEPT, found))


def _described(schema: str | None) -> MetaData:
    metadata = MetaData(schema=schema)
    Table(
        "pipeline_related",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("medium", Text, nullable=False),
        Column("tmdb_id", Integer, nullable=False),
        Column("candidate_tmdb_id", Integer, nullable=False),
        Column("source", Text, nullable=False),
        Column("rank", Integer, nullable=False),
        Index("pipeline_related_unique_idx", "medium", "tmdb_id", "candidate_tmdb_id", unique=True),
    )
    return metadata
