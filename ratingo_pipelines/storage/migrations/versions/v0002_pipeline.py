"""This project's own tables: cycles and claims, failures, what was asked when, quotas, monthly lists."""

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ratingo_pipelines.storage.migrations.adoption import add_missing

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    add_missing(described(op.get_context().dialect.name))


def _key() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _needed(name: str, kind: type[Text | Integer | DateTime | Boolean]) -> Column[object]:
    return Column(name, kind(), nullable=False)


def _belongs_to(name: str, table: str) -> Column[int]:
    return Column(name, Integer, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def described(dialect: str) -> MetaData:
    """The tables as this revision left them."""
    now = text("timezone('utc', now())" if dialect == "postgresql" else "CURRENT_TIMESTAMP")
    metadata = MetaData()
    Table(
        "pipeline_cycles",
        metadata,
        _key(),
        _needed("medium", Text),
        _needed("cycle_at", DateTime),
        Column("run_id", Text),
        _needed("listed", Integer),
        _needed("eligible", Integer),
        _needed("max_watchers", Integer),
        Column("requests", JSON().with_variant(JSONB(), "postgresql")),
        Column("created_at", DateTime, nullable=False, server_default=now),
        Column("updated_at", DateTime, nullable=False, server_default=now),
        Index("pipeline_cycles_unique_idx", "medium", "cycle_at", unique=True),
    )
    Table(
        "pipeline_trending",
        metadata,
        _key(),
        _belongs_to("cycle_id", "pipeline_cycles"),
        _needed("medium", Text),
        _needed("rank", Integer),
        Column("tmdb_id", Integer),
        Column("trakt_id", Integer),
        Column("slug", Text),
        Column("imdb_id", Text),
        Column("title", Text),
        Column("year", Integer),
        _needed("watchers", Integer),
        Column("rating", Double),
        Column("votes", Integer),
        _needed("outcome", Text),
        Column("reason", Text),
        Column("run_id", Text),
        Column("lease_until", DateTime),
        Column("updated_at", DateTime, nullable=False, server_default=now),
        Index("pipeline_trending_unique_idx", "cycle_id", "rank", unique=True),
        Index("pipeline_trending_outcome_idx", "cycle_id", "outcome"),
        Index("pipeline_trending_title_idx", "medium", "tmdb_id"),
        Index("pipeline_trending_run_id_idx", "run_id"),
    )
    Table(
        "pipeline_failures",
        metadata,
        _key(),
        _needed("medium", Text),
        _needed("tmdb_id", Integer),
        _needed("stage", Text),
        Column("title", Text),
        _needed("attempts", Integer),
        _needed("last_error", Text),
        _needed("first_failed_at", DateTime),
        _needed("last_failed_at", DateTime),
        _needed("next_attempt_at", DateTime),
        Index("pipeline_failures_unique_idx", "medium", "tmdb_id", "stage", unique=True),
    )
    Table(
        "pipeline_asked",
        metadata,
        _key(),
        _needed("medium", Text),
        _needed("tmdb_id", Integer),
        _needed("source", Text),
        _needed("asked_at", DateTime),
        _needed("next_at", DateTime),
        _needed("empty_streak", Integer),
        Index("pipeline_asked_unique_idx", "medium", "tmdb_id", "source", unique=True),
    )
    Table(
        "pipeline_quota",
        metadata,
        _needed("api", Text),
        _needed("day", Text),
        _needed("used", Integer),
        PrimaryKeyConstraint("api", "day"),
    )
    Table(
        "pipeline_monthly_lists",
        metadata,
        _key(),
        _needed("medium", Text),
        _needed("month", Text),
        _needed("found", Boolean),
        _needed("entries", Integer),
        _needed("fetched_at", DateTime),
        Index("pipeline_monthly_lists_unique_idx", "medium", "month", unique=True),
    )
    Table(
        "pipeline_monthly_watchers",
        metadata,
        _key(),
        _belongs_to("list_id", "pipeline_monthly_lists"),
        _needed("trakt_id", Integer),
        Column("tmdb_id", Integer),
        _needed("watchers", Integer),
        Index("pipeline_monthly_watchers_unique_idx", "list_id", "trakt_id", unique=True),
    )
    return metadata
