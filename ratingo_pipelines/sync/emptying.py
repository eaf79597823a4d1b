"""Takes away what the sources say is gone, once that is believed: one transaction a title.

What is believed is decided in `trust.doubts`; while it is doubted, `merge` keeps it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from ratingo_pipelines.measures.scoring import primary_rating, trending_score
from ratingo_pipelines.storage import candidates, cycles, doubts, ineligible, title_changes, titles
from ratingo_pipelines.storage.doubts import Doubt
from ratingo_pipelines.storage.engine import Database, retried_transaction
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.storage.title_changes import ChangedTitle, TitleChange
from ratingo_pipelines.sync.facts import RELATED_SHOWN, Row
from ratingo_pipelines.sync.merge import CHILD_KEYS, PART_OF_TABLE, TRAKT
from ratingo_pipelines.sync.title_changes import LEFT, changes_of_certifications, changes_of_offers, changes_of_row
from ratingo_pipelines.sync.trust.doubts import key_of
from ratingo_pipelines.sync.trust.eligibility import UNKNOWN_TO_TMDB
from ratingo_pipelines.sync.trust.entries import AskedFor
from ratingo_pipelines.sync.trust.parts import (
    BUCKETS,
    TEXTS,
    TITLE_ITSELF,
    TRAKT_VOTES,
    FactPart,
    PartKey,
    columns_of,
)

_EMPTY: Mapping[str, Any] = {
    **{name: [] for name in ("cast", "videos", "genres", "related")},
    **dict.fromkeys(("rating_tmdb_count", "rating_trakt_votes"), 0),
}
"""What columns hold of which there is none, where that is not NULL."""
_TABLES = {part: name for name, part in PART_OF_TABLE.items()}


@retried_transaction
def take_away(database: Database, asked: AskedFor, tmdb_id: int, believed: Iterable[Doubt], now: datetime) -> None:
    """Empty these parts of a title, or take it off the list; the doubts are forgotten."""
    tables = tables_of(asked.medium)
    by_key = {key_of(doubt): doubt for doubt in believed}
    denied = TITLE_ITSELF & by_key.keys()
    with database.writing() as conn:
        changes: list[TitleChange] = []
        if denied:
            changes += [LEFT] if cycles.is_member(conn, asked.medium, tmdb_id) else []
            reason = by_key[min(denied)].reason or UNKNOWN_TO_TMDB
            ineligible.record(conn, asked.medium, tmdb_id, reason, now)
            candidates.replace_ineligible(conn, tables, [tmdb_id], RELATED_SHOWN)
            cycles.skip_title(conn, asked.medium, tmdb_id, reason)
        row = titles.lock_title(conn, tables, tmdb_id)
        if row is not None:
            changes += _empty(conn, asked, tables, row, by_key.keys() - denied)
        doubts.end(conn, asked.medium, tmdb_id, [doubt.key for doubt in by_key.values()])
        title = row["title"] if row is not None else None
        changed = [ChangedTitle(tmdb_id, title, change) for change in changes]
        title_changes.record(conn, asked.medium, changed, now)


def _empty(
    conn: Connection, asked: AskedFor, tables: TitleTables, row: RowMapping, keys: Collection[PartKey]
) -> list[TitleChange]:
    """Empty the parts; what people want to hear of that."""
    values: Row = {"tmdb_id": row["tmdb_id"]}
    changes = _children_gone(conn, tables, row["id"], keys)
    for key in sorted(keys):
        values |= {name: _EMPTY.get(name) for name in columns_of(asked.medium, asked.locales, key)}
        _empty_children(conn, tables, row["id"], key)
    regions = {key.region for key in keys if key.part is FactPart.PROVIDERS}
    if regions and row["watch_providers"]:
        values["watch_providers"] = [offer for offer in row["watch_providers"] if offer["region"] not in regions]
    titles.put_title(conn, tables, row, values | _measures(conn, asked, {**row, **values}))
    return [*changes_of_row(row, values), *changes]


def _children_gone(
    conn: Connection, tables: TitleTables, title_id: int, keys: Collection[PartKey]
) -> list[TitleChange]:
    """Off which providers the title goes, and which certifications, with these parts."""
    parent: dict[str, Any] = {tables.parent_key: title_id}
    found: list[TitleChange] = []
    for part, table, compare in (
        (FactPart.PROVIDERS, tables.watch_providers, changes_of_offers),
        (FactPart.CERTIFICATIONS, tables.content_ratings, changes_of_certifications),
    ):
        regions = sorted(key.region for key in keys if key.part is part)
        if regions:
            found += compare(titles.children_of(conn, table, parent), [], regions)
    return found


def _empty_children(conn: Connection, tables: TitleTables, title_id: int, key: PartKey) -> None:
    parent: dict[str, Any] = {tables.parent_key: title_id}
    if key.part in TEXTS:
        scope = {**parent, "locale": key.region}
        left = [_without(row, key.part) for row in titles.children_of(conn, tables.translations, scope)]
        rows = [row for row in left if any(row[text] for text in TEXTS)]
        titles.replace_children(conn, tables.translations, scope, rows, ("locale",), exact=True)
    elif key == TRAKT_VOTES:
        scope = {**parent, "source": TRAKT}
        titles.replace_children(conn, tables.ratings, scope, [{"avg": None, "votes": 0}], ("source",), exact=True)
    elif key == BUCKETS:
        scope = {**parent, "source": TRAKT}
        nobody = [{"bucket": bucket, "count": 0} for bucket in range(1, 11)]
        titles.replace_children(conn, tables.rating_buckets, scope, nobody, ("bucket",))
    elif key.part in _TABLES:
        name = _TABLES[key.part]
        scope = {**parent, "region": key.region} if key.region else parent
        titles.replace_children(conn, getattr(tables, name), scope, [], CHILD_KEYS.get(name, (tables.related_key,)))


def _without(row: RowMapping, part: FactPart) -> Row:
    return {"locale": row["locale"], **{text.value: row[text] for text in TEXTS}, part.value: None}


def _measures(conn: Connection, asked: AskedFor, row: Mapping[str, Any]) -> Row:
    """The rating and the score as they follow from what is left; the score counts the cycle that last listed it."""
    measures: Row = {"primary_rating": primary_rating(row["rating_tmdb"], row["rating_trakt_avg"], row["rating_imdb"])}
    listed = row["trending_score"] is not None and row["rating_trakt"] is not None
    cycle = cycles.cycle_opened_at(conn, asked.medium, row["trending_updated_at"]) if listed else None
    if cycle is not None and cycle.max_popularity:
        popularity = cycles.popularity_in(conn, cycle.id, row["tmdb_id"]) or 0
        measures["trending_score"] = trending_score(row["rating_tmdb"], popularity, cycle.max_popularity)
    elif cycle is not None:
        measures["trending_score"] = trending_score(row["rating_tmdb"], int(row["rating_trakt"]), cycle.max_watchers)
    return measures
