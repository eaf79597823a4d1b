"""Whether the data are as they should be: a finding a check, saying what to do where it fails.

When checks run and where they show is the caller's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import attempts, cycles, entry_counts, health, quota
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.trust.lists import ListFault, judge_trending
from ratingo_pipelines.sync.whole_lists import reading_of
from ratingo_pipelines.text import counted

MAY_FALL_BY = 0.25
"""By so much may what the same titles have in a table fall from one cycle to the next."""


@dataclass(frozen=True)
class Finding:
    """What a check found. `said` is for people: the finding and, where it fails, what to do."""

    passed: bool
    said: str
    numbers: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """Something that must hold for an asset; `severe` where the site shows wrong things while it does not."""

    name: str
    asset: str
    about: str
    severe: bool
    look: Callable[[Connection, Medium, Settings], Finding]


def look_at(database: Database, medium: Medium, settings: Settings, check: Check) -> Finding:
    """Look at the database as it is now."""
    with database.reading() as conn:
        return check.look(conn, medium, settings)


def _list_is_whole(conn: Connection, medium: Medium, settings: Settings) -> Finding:
    cycle = cycles.latest_cycle(conn, medium)
    if cycle is None:
        return Finding(False, f"No {medium} cycle yet. Start {medium}_trending.")
    before = cycles.latest_cycle_of(conn, medium, cycle.source, before=cycle.cycle_at)
    found, last = reading_of(conn, cycle), reading_of(conn, before) if before else None
    numbers = {"listed": cycle.listed, "listed before": before.listed if before else 0}
    verdict = judge_trending(found, last)
    said = f"Cycle {cycle.id} lists {counted(cycle.listed, medium.singular, medium.plural)}."
    if verdict is None:
        return Finding(True, said, numbers)
    opened = attempts.that_opened(conn, cycle.id)
    if verdict.fault is ListFault.SHORT and opened and opened.reason:
        return Finding(True, f"{said} {opened.reason[0].upper()}{opened.reason[1:]}.", numbers)
    return Finding(
        False,
        f"The list of cycle {cycle.id} {verdict.said}. It was let in by an earlier version: "
        f"start {medium}_trending again.",
        numbers,
    )


def _rows(conn: Connection, medium: Medium, settings: Settings) -> Finding:
    cycle = cycles.latest_cycle(conn, medium)
    if cycle is None:
        return Finding(True, f"No {medium} cycle yet.")
    missing = health.settled_without_row(conn, tables_of(medium), cycle.id)
    counts = cycles.counts(conn, cycle.id, utc_now())
    numbers = {"without a row": len(missing), "pending": counts.pending + counts.processing}
    if not missing:
        return Finding(True, f"Every title of cycle {cycle.id} that was worked off has a row.", numbers)
    named = "; ".join(f"{row.tmdb_id} {row.title}: {row.reason or row.outcome}" for row in missing)
    return Finding(
        False,
        f"Without a row: {named}. Retries are under way where `ratingo status` lists them; otherwise materialize "
        f"these partitions of {medium}/details.",
        numbers,
    )


def _scores(conn: Connection, medium: Medium, settings: Settings) -> Finding:
    wrong = health.scores_out_of_range(conn, tables_of(medium))
    numbers = {"out of range": len(wrong)}
    if not wrong:
        return Finding(True, "All scores are within 0..100, all ratings within 0..10.", numbers)
    named = "; ".join(f"{row.tmdb_id} {row.title}: {row.trending_score}, {row.primary_rating}" for row in wrong)
    return Finding(
        False,
        f"Out of range (score, rating): {named}. Something else writes these columns; "
        f"start {medium}_sync with these ids and force to compute them anew.",
        numbers,
    )


def _ukrainian(conn: Connection, medium: Medium, settings: Settings) -> Finding:
    if health.UKRAINIAN not in settings.locales:
        return Finding(True, f"Not looked at: LOCALES is without {health.UKRAINIAN}.")
    wrong = health.english_for_ukrainian(conn, tables_of(medium))
    numbers = {"english": len(wrong)}
    if not wrong:
        return Finding(True, "No English text stands in for a Ukrainian one.", numbers)
    named = "; ".join(f"{row.tmdb_id} {row.title}" for row in wrong)
    return Finding(
        False,
        f"English in place of Ukrainian: {named}. An older sync left it: start {medium}_sync with these ids and force, "
        "or clear title_uk and overview_uk of those TMDB has no Ukrainian text for.",
        numbers,
    )


def _orphans(conn: Connection, medium: Medium, settings: Settings) -> Finding:
    tables = tables_of(medium)
    lost = health.orphans(conn, tables)
    if not lost:
        return Finding(True, "Every child row has its title.", {"orphans": 0})
    named = ", ".join(f"{count} in {table}" for table, count in lost.items())
    example = next(iter(lost))
    return Finding(
        False,
        f"Rows without their title: {named}. Titles were deleted by hand; delete these as well: the rows of {example} "
        f"whose {tables.parent_key} is no id of {tables.titles.name}, and so on.",
        {"orphans": sum(lost.values())},
    )


def _kept(name: str, conn: Connection, medium: Medium, settings: Settings) -> Finding:
    cycle, tables = cycles.latest_cycle(conn, medium), tables_of(medium)
    before = entry_counts.kept(conn, cycle, name) if cycle else None
    if cycle is None or before is None:
        return Finding(True, f"Nothing to compare: no two {medium} cycles name {entry_counts.COMPARED} titles both.")
    now = entry_counts.count(conn, tables, entry_counts.named_again(conn, cycle), [name])[name]
    table, titles = getattr(tables, name).name, counted(before.titles, medium.singular, medium.plural)
    numbers = {"entries": now, "entries before": before.entries, "titles": before.titles}
    if now >= before.entries * (1 - MAY_FALL_BY):
        return Finding(True, f"{table} holds {now} entries of {titles}; it held {before.entries}.", numbers)
    return Finding(
        False,
        f"{table} holds {now} entries of {titles} that the last two cycles name, {before.entries} when cycle "
        f"{cycle.id} began. If REGIONS or LOCALES were narrowed, or doubts accepted, that is why; otherwise something "
        f"else removes rows: start {medium}_sync with the titles' ids and force to fetch them again.",
        numbers,
    )


def _quota(conn: Connection, medium: Medium, settings: Settings) -> Finding:
    if settings.omdb_api_key is None:
        return Finding(True, "OMDb is not used: OMDB_API_KEY is not set.")
    used = quota.used(conn, "omdb", utc_now().date().isoformat())
    left = max(settings.omdb_daily_limit - used, 0)
    numbers = {"left": left, "used": used}
    limit = settings.omdb_daily_limit
    if left:
        return Finding(True, f"{left} of {counted(limit, 'request')} left until midnight UTC.", numbers)
    return Finding(
        False,
        f"The day's {counted(limit, 'request is', 'requests are')} used up. The rest is asked after midnight UTC by "
        "itself; if that happens daily, get a key with a higher limit and set OMDB_DAILY_LIMIT to it.",
        numbers,
    )


_OF_RATINGS = ("ratings", "rating_buckets")

CHECKS = (
    Check("list_is_whole", "trending", "The list is whole, set beside the one before.", True, _list_is_whole),
    Check("every_title_has_a_row", "details", "What a cycle worked off is in the database.", False, _rows),
    Check("scores_in_range", "ratings", "Scores are within 0..100, ratings within 0..10.", True, _scores),
    Check("ukrainian_is_ukrainian", "details", "No English text stands in for a Ukrainian one.", True, _ukrainian),
    Check("no_orphans", "details", "Every child row has its title.", False, _orphans),
    Check("quota_left", "omdb", "The day's OMDb requests are not used up.", False, _quota),
    *(
        Check(
            f"{name}_kept",
            "ratings" if name in _OF_RATINGS else "details",
            "What the titles of two cycles have has not fallen by more than a quarter.",
            True,
            partial(_kept, name),
        )
        for name in entry_counts.COUNTED
    ),
)
