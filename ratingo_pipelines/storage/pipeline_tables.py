"""This project's own tables, prefixed `pipeline_`: cycles, attempts, failures, what was asked when, quotas, months.

The site reads none of them. On PostgreSQL they live in a schema of their own, since the site's migrations
(`drizzle-kit push`) drop the tables they do not know in its schema; SQLite has no schemas.
"""

from sqlalchemy import Column, ForeignKey, MetaData, PrimaryKeyConstraint, String, Table, Text

from ratingo_pipelines.settings import PIPELINE_SCHEMA
from ratingo_pipelines.storage.columns import (
    created_at,
    double,
    flag,
    index,
    indexed_text,
    json,
    key,
    number,
    text,
    timestamp,
    unique,
    updated_at,
)
from ratingo_pipelines.storage.types import Int32

metadata = MetaData(schema=PIPELINE_SCHEMA)
"""The schema by its default name; `engine.Database` puts the configured one, or on SQLite none, in its place."""

VERSION_TABLE = "pipeline_alembic_version"
version = Table(
    VERSION_TABLE, MetaData(schema=PIPELINE_SCHEMA), Column("version_num", String), Column("site_schema", Text)
)
"""Alembic's table, beside the others. `site_schema` tells whose tables they are: the schema of the site's."""


def _belongs_to(name: str, table: str) -> Column[int]:
    return Column(name, Int32(name), ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


cycles = Table(
    "pipeline_cycles",
    metadata,
    key(),
    indexed_text("medium", required=True),
    timestamp("cycle_at", required=True),
    text("run_id"),
    number("listed", required=True),
    number("eligible", required=True),
    number("max_watchers", required=True),
    json("requests"),
    number("asked", comment="How many entries the trending list was asked for; NULL of cycles of earlier versions."),
    text("source", comment="The host that gave the list, such as api.trakt.tv; NULL likewise."),
    created_at(),
    updated_at(),
    unique("pipeline_cycles_unique_idx", "medium", "cycle_at"),
)

trending = Table(
    "pipeline_trending",
    metadata,
    key(),
    _belongs_to("cycle_id", "pipeline_cycles"),
    indexed_text("medium", required=True),
    number("rank", required=True),
    number("tmdb_id"),
    number("trakt_id"),
    text("slug"),
    text("imdb_id"),
    text("title"),
    number("year"),
    number("watchers", required=True),
    double("rating"),
    number("votes"),
    indexed_text("outcome", required=True),
    text("reason"),
    indexed_text("run_id"),
    timestamp("lease_until"),
    updated_at(),
    unique("pipeline_trending_unique_idx", "cycle_id", "rank"),
    index("pipeline_trending_outcome_idx", "cycle_id", "outcome"),
    index("pipeline_trending_title_idx", "medium", "tmdb_id"),
    index("pipeline_trending_run_id_idx", "run_id"),
)

failures = Table(
    "pipeline_failures",
    metadata,
    key(),
    indexed_text("medium", required=True),
    number("tmdb_id", required=True),
    indexed_text("stage", required=True),
    text("title"),
    number("attempts", required=True),
    text("last_error", required=True),
    timestamp("first_failed_at", required=True),
    timestamp("last_failed_at", required=True),
    timestamp("next_attempt_at", required=True),
    unique("pipeline_failures_unique_idx", "medium", "tmdb_id", "stage"),
)

witnesses = Table(
    "pipeline_witnesses",
    metadata,
    key(),
    indexed_text("medium", required=True),
    indexed_text("source", required=True),
    indexed_text("stage", required=True),
    number("tmdb_id", required=True),
    timestamp("answered_at", required=True),
    unique("pipeline_witnesses_unique_idx", "medium", "source", "stage", "tmdb_id"),
)

asked = Table(
    "pipeline_asked",
    metadata,
    key(),
    indexed_text("medium", required=True),
    number("tmdb_id", required=True),
    indexed_text("source", required=True),
    timestamp("asked_at", required=True),
    timestamp("next_at", required=True),
    number("empty_streak", required=True),
    unique("pipeline_asked_unique_idx", "medium", "tmdb_id", "source"),
)

quota = Table(
    "pipeline_quota",
    metadata,
    indexed_text("api", required=True),
    indexed_text("day", required=True),
    number("used", required=True),
    PrimaryKeyConstraint("api", "day"),
)

monthly_lists = Table(
    "pipeline_monthly_lists",
    metadata,
    key(),
    indexed_text("medium", required=True),
    indexed_text("month", required=True),
    flag("found", required=True),
    number("entries", required=True),
    timestamp("fetched_at", required=True),
    unique("pipeline_monthly_lists_unique_idx", "medium", "month"),
)

monthly_watchers = Table(
    "pipeline_monthly_watchers",
    metadata,
    key(),
    _belongs_to("list_id", "pipeline_monthly_lists"),
    number("trakt_id", required=True),
    number("tmdb_id"),
    number("watchers", required=True),
    unique("pipeline_monthly_watchers_unique_idx", "list_id", "trakt_id"),
)

attempts = Table(
    "pipeline_attempts",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    indexed_text("what", required=True, comment="What was asked for: trending, calendar, watched_monthly/2026-01."),
    timestamp("asked_at", required=True, comment="When, UTC."),
    indexed_text("outcome", required=True, comment="What came of it: well, short, not_whole, unanswered and so on."),
    text("reason", comment="One line for people where it did not go well, or was believed only after a while."),
    number("cycle_id", comment="The cycle that it opened or belongs to."),
    number("ahead_seconds", comment="By how much this machine's clock was ahead of the source's; NULL: not said."),
    index("pipeline_attempts_what_idx", "medium", "what"),
)

doubts = Table(
    "pipeline_doubts",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    indexed_text("part", required=True, comment="What the source says is gone: cast, providers and so on."),
    indexed_text("region", required=True, comment="A country, of texts a locale; empty where the part has none."),
    text("reason", comment="What the source said, where that is more than nothing: why the title is to be skipped."),
    timestamp("first_at", required=True, comment="When an answer first said so, UTC."),
    timestamp("last_at", required=True, comment="When an answer last said so, UTC."),
    flag("many", required=True, comment="Whether it was one of too many of its batch, and so the source's fault."),
    unique("pipeline_doubts_unique_idx", "medium", "tmdb_id", "part", "region"),
)

ineligible = Table(
    "pipeline_ineligible",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    text("reason", required=True, comment="Why it is not to be listed: the anime filter's reason, or unknown to TMDB."),
    timestamp("found_at", required=True, comment="When that was found, UTC."),
    unique("pipeline_ineligible_unique_idx", "medium", "tmdb_id"),
)

candidates = Table(
    "pipeline_related",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    number("candidate_tmdb_id", required=True, comment="A title that the source relates to it, by TMDB's id."),
    indexed_text("source", required=True, comment="Who relates it: trakt or tmdb."),
    number("rank", required=True, comment="Its place in the source's list, from 1; the site shows the first eligible."),
    unique("pipeline_related_unique_idx", "medium", "tmdb_id", "candidate_tmdb_id"),
)

entry_counts = Table(
    "pipeline_entry_counts",
    metadata,
    key(),
    _belongs_to("cycle_id", "pipeline_cycles"),
    indexed_text("name", required=True, comment="The child table that was counted, by its role: cast, videos."),
    number("titles", required=True, comment="Titles that the cycle and the one before it both name."),
    number("entries", required=True, comment="Entries these had in the table when the cycle was opened."),
    unique("pipeline_entry_counts_unique_idx", "cycle_id", "name"),
)
