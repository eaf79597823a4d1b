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
    parent = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name, Int32(name), parent, nullable=False, comment=f"The row it belongs to: id of {table}.")


cycles = Table(
    "pipeline_cycles",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    timestamp(
        "cycle_at",
        required=True,
        comment="The time of the fetch, UTC, whole seconds; strictly increasing for a medium.",
    ),
    text("run_id", comment="The run that opened it."),
    number("listed", required=True, comment="Entries of the list."),
    number("eligible", required=True, comment="Those that were not skipped at once."),
    number(
        "max_watchers",
        required=True,
        comment="The most people watching now in the list, at least 10,000: the measure of trending_score.",
    ),
    json("requests", comment="How often each API was asked for it."),
    number("asked", comment="How many entries the trending list was asked for; NULL of cycles of earlier versions."),
    text("source", comment="Who gave the list: Trakt's host, such as api.trakt.tv, or tmdb; NULL likewise."),
    double("max_popularity", comment="TMDB's largest popularity in its list; NULL of Trakt's lists."),
    created_at(),
    updated_at(),
    unique("pipeline_cycles_unique_idx", "medium", "cycle_at"),
    comment="Each fetch of a trending list that was believed: a cycle.",
)

trending = Table(
    "pipeline_trending",
    metadata,
    key(),
    _belongs_to("cycle_id", "pipeline_cycles"),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("rank", required=True, comment="Place in the list, from 1."),
    number("tmdb_id", comment="The title, by TMDB's id; NULL where the list names none."),
    number("trakt_id", comment="Trakt's id of the title."),
    text("slug", comment="Trakt's name of the title in URLs."),
    text("imdb_id", comment="IMDb's id, as the list names it."),
    text("title", comment="Trakt's name of the title; TMDB's where no list of Trakt's named it."),
    number("year", comment="Year of release, as the list says."),
    number("watchers", required=True, comment="People watching now; 0 in TMDB's lists, which do not tell."),
    double("popularity", comment="TMDB's popularity, as its list says; NULL in Trakt's lists."),
    double("rating", comment="Trakt's average of votes, 0 to 10, as the list says."),
    number("votes", comment="Number of votes at Trakt, as the list says."),
    indexed_text("outcome", required=True, comment="pending, done, skipped or error."),
    text("reason", comment="Why it was skipped or failed, in one line."),
    indexed_text("run_id", comment="Who claims it, while it is pending."),
    timestamp("lease_until", comment="Until when the claim holds unless it is renewed, UTC."),
    updated_at(),
    unique("pipeline_trending_unique_idx", "cycle_id", "rank"),
    index("pipeline_trending_outcome_idx", "cycle_id", "outcome"),
    index("pipeline_trending_title_idx", "medium", "tmdb_id"),
    index("pipeline_trending_run_id_idx", "run_id"),
    comment="Each title's place in a cycle, what came of it, and who works on it.",
)

failures = Table(
    "pipeline_failures",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    indexed_text("stage", required=True, comment="details, ratings, sparklines, store or omdb."),
    text("title", comment="Name of the title."),
    number("attempts", required=True, comment="Attempts spent: failures of the title's own."),
    text("last_error", required=True, comment="What went wrong the last time, in one line."),
    timestamp("first_failed_at", required=True, comment="When it failed first, UTC."),
    timestamp("last_failed_at", required=True, comment="When it failed last, UTC."),
    timestamp("next_attempt_at", required=True, comment="When it is tried again at the earliest, UTC."),
    unique("pipeline_failures_unique_idx", "medium", "tmdb_id", "stage"),
    comment="What failed, by title and stage, until it succeeds.",
)

witnesses = Table(
    "pipeline_witnesses",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    indexed_text("source", required=True, comment="The API."),
    indexed_text("stage", required=True, comment="The stage."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    timestamp("answered_at", required=True, comment="When it was answered well, UTC."),
    unique("pipeline_witnesses_unique_idx", "medium", "source", "stage", "tmdb_id"),
    comment="Titles that a source answered well for lately: asked again where it fails alike for many.",
)

asked = Table(
    "pipeline_asked",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    indexed_text("source", required=True, comment="What was asked: omdb, meta, related and so on."),
    timestamp("asked_at", required=True, comment="When, UTC."),
    timestamp("next_at", required=True, comment="When it is due again, UTC."),
    number("empty_streak", required=True, comment="How often in a row nothing came: the interval grows with it."),
    unique("pipeline_asked_unique_idx", "medium", "tmdb_id", "source"),
    comment="When a source was last asked about a title, and when it is asked again.",
)

quota = Table(
    "pipeline_quota",
    metadata,
    indexed_text("api", required=True, comment="The API: omdb."),
    indexed_text("day", required=True, comment="The UTC day (ISO date)."),
    number("used", required=True, comment="Requests counted against its limit."),
    PrimaryKeyConstraint("api", "day"),
    comment="Requests of an API's day.",
)

monthly_lists = Table(
    "pipeline_monthly_lists",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    indexed_text("month", required=True, comment="The month: YYYY-MM."),
    flag("found", required=True, comment="Whether Trakt had it."),
    number("entries", required=True, comment="Titles in it."),
    timestamp("fetched_at", required=True, comment="When, UTC."),
    unique("pipeline_monthly_lists_unique_idx", "medium", "month"),
    comment="Which months' lists of the most watched titles were fetched.",
)

monthly_watchers = Table(
    "pipeline_monthly_watchers",
    metadata,
    key(),
    _belongs_to("list_id", "pipeline_monthly_lists"),
    number("trakt_id", required=True, comment="The title, by Trakt's id."),
    number("tmdb_id", comment="The title, by TMDB's id, where the list says."),
    number("watchers", required=True, comment="How many watched it in the month."),
    unique("pipeline_monthly_watchers_unique_idx", "list_id", "trakt_id"),
    comment="Those lists' titles.",
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
    comment="When each list was asked for, and what came of it.",
)

datasets = Table(
    "pipeline_datasets",
    metadata,
    indexed_text("name", required=True, comment="The dataset: imdb."),
    text("url", required=True, comment="Where it came from."),
    text("etag", comment="What its server called it, by which it is asked whether there is a newer one."),
    number("titles", required=True, comment="A checksum of the IMDb ids that it was read for."),
    number("rows", required=True, comment="Its rows."),
    timestamp("read_at", required=True, comment="When it was last read whole, UTC."),
    PrimaryKeyConstraint("name"),
    PrimaryKeyConstraint("name"),
    comment="Whole datasets, and how each was last read.",
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
    comment="Answers that empty or deny what is known, until a second one says the same.",
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
    comment="Titles that are not to be listed.",
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
    comment="All related titles that a source names, the candidates for the ones that are linked.",
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
    comment="Entries that a cycle's titles had when it was opened, to be compared with the next one's.",
)

provenance = Table(
    "pipeline_provenance",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    indexed_text("value", required=True, comment="rating_imdb (its votes with it), rating_metacritic, imdb_id, title."),
    indexed_text("source", required=True, comment="Who gave the value that is stored: imdb, omdb, trakt or tmdb."),
    timestamp(
        "answered_at",
        required=True,
        comment="When it last said so, UTC; an answer that changes nothing is noted once a day.",
    ),
    unique("pipeline_provenance_unique_idx", "medium", "tmdb_id", "value"),
    comment="Whose the values are that several sources may give; none is on record of what earlier versions stored.",
)

due_titles = Table(
    "pipeline_due_titles",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    timestamp("due_since", required=True, comment="When the feed that names it was read, UTC."),
    unique("pipeline_due_titles_unique_idx", "medium", "tmdb_id"),
    comment="Stored titles that TMDB has changed since, until they are asked about again.",
)

changes_read = Table(
    "pipeline_changes_read",
    metadata,
    indexed_text("medium", required=True, comment="shows or movies."),
    timestamp("read_to", required=True, comment="When the last reading that came through began, UTC."),
    PrimaryKeyConstraint("medium"),
    comment="How far TMDB's feed of changes was read.",
)

title_changes = Table(
    "pipeline_title_changes",
    metadata,
    key(),
    indexed_text("medium", required=True, comment="shows or movies."),
    number("tmdb_id", required=True, comment="The title, by TMDB's id."),
    text("title", comment="Name of the title."),
    indexed_text(
        "kind",
        required=True,
        comment="season, next_episode, status, certification, on_provider, off_provider, listed or unlisted.",
    ),
    text("region", comment="The country, of providers and certifications; NULL of the others."),
    text("before", comment="What it was: number of seasons, ISO date, word or name; NULL: there was none."),
    text("after", comment="What it is, likewise."),
    number("cycle_id", comment="The cycle in which it was found; NULL outside of cycles."),
    timestamp("changed_at", required=True, comment="When it was written, UTC."),
    index("pipeline_title_changes_title_idx", "medium", "tmdb_id"),
    index("pipeline_title_changes_medium_idx", "medium", "id"),
    comment="Each change of a title that people want to hear of. Ids ascend in the order in which rows become visible.",
)
