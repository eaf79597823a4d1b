"""Why a title is as it is: all that is known and on record of one, as typed values that every face draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, RowMapping

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import doubts, failures, ineligible, records, title_changes
from ratingo_pipelines.storage.doubts import Doubt
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.storage.provenance import Origin, origins_of
from ratingo_pipelines.storage.records import AskedAbout, Name, RecordedPlace
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.storage.title_changes import RecordedChange
from ratingo_pipelines.sync import precedence
from ratingo_pipelines.sync.overview import watchers_by_day

CYCLES = 10
CHANGES = 20
YOUTUBE = "https://www.youtube.com/watch?v="
# The columns that a person looks for, by the source that they come from.
_FACTS: dict[str, tuple[str, ...]] = {
    "TMDB": (
        *("status", "rating_tmdb", "rating_tmdb_count", "popularity_tmdb", "content_rating", "tagline", "imdb_id"),
        *("first_air_date", "release_date", "runtime", "number_of_seasons", "number_of_episodes"),
        *("last_episode_season", "last_episode_number", "last_episode_air_date"),
        *("next_episode_season", "next_episode_number", "next_episode_air_date"),
    ),
    "Trakt": ("title", "rating_trakt", "rating_trakt_avg", "rating_trakt_votes", "watchers_delta", "delta_3m"),
    "OMDb": ("rating_imdb", "imdb_votes", "rating_metacritic"),
    "computed": ("trending_score", "primary_rating"),
}


_SOURCES = {precedence.TRAKT: "Trakt", precedence.TMDB: "TMDB", precedence.OMDB: "OMDb"} | {
    precedence.IMDB_DATASET: "IMDb's dataset"
}
_MOVES_WITH = {column: name for name, each in precedence.PRECEDENCE.items() for column in each.columns}


@dataclass(frozen=True)
class Fact:
    """A value of the title's row, and the source it comes from."""

    name: str
    """The column's."""
    value: Any
    source: str
    answered_at: datetime | None = None
    """When the source last said so, of values that several sources may give and whose origin is on record."""


@dataclass(frozen=True)
class RecordedActor:
    """Somebody of the cast."""

    name: str
    character: str | None


@dataclass(frozen=True)
class Trailer:
    """A video about the title, at YouTube."""

    name: str
    url: str


@dataclass(frozen=True)
class TitleRecord:
    """One title. `facts` is empty for one that has no row."""

    medium: str
    tmdb_id: int
    id: int | None
    """The site's id of the row; None without a row."""
    title: str | None
    title_uk: str | None
    listed: bool
    """Whether the site lists it."""
    skipped: str | None
    """Why it is not to be listed at all: the anime filter's reason, or unknown to TMDB."""
    updated_at: datetime | None
    facts: tuple[Fact, ...]
    poster: str | None
    """TMDB's path of the Ukrainian one, else of any."""
    genres: tuple[str, ...]
    cast: tuple[RecordedActor, ...]
    """In their order."""
    trailers: tuple[Trailer, ...]
    votes: dict[int, int]
    """At Trakt, by rating from 1 to 10."""
    watchers_by_day: tuple[int | None, ...]
    """Of the last 30 days, today's last; None before the first that is known."""
    watch_in: dict[str, tuple[str, ...]]
    """Providers by country, by JustWatch."""
    asked: tuple[AskedAbout, ...]
    places: tuple[RecordedPlace, ...]
    """In the last ten cycles that named it, the newest first."""
    changes: tuple[RecordedChange, ...]
    """The last twenty, the newest first."""
    doubts: tuple[Doubt, ...]
    failures: tuple[Failure, ...]
    links: dict[str, str]


def record_of(database: Database, medium: Medium, tmdb_id: int, now: datetime) -> TitleRecord | None:
    """All of one title; None for one that no list, no title and no failure ever named."""
    tables = tables_of(medium)
    with database.reading() as conn:
        row = records.row_of(conn, tables, tmdb_id)
        places = records.places(conn, medium, tmdb_id, CYCLES)
        failed = [each for each in failures.all_failures(conn, medium) if each.tmdb_id == tmdb_id]
        skipped = ineligible.reasons(conn, medium, [tmdb_id]).get(tmdb_id)
        if row is None and not places and not failed and skipped is None:
            return None
        return TitleRecord(
            medium=medium.plural,
            tmdb_id=tmdb_id,
            id=row["id"] if row else None,
            title=row["title"] if row else None,
            title_uk=row["title_uk"] if row else None,
            listed=row is not None and row["trending_score"] is not None and row["rating_trakt"] is not None,
            skipped=skipped,
            updated_at=row["updated_at"] if row else None,
            facts=_facts(row, origins_of(conn, medium, [tmdb_id]).get(tmdb_id, {})) if row else (),
            poster=(row["poster_uk"] or row["poster"]) if row else None,
            genres=tuple(genre["name"] for genre in row["genres"] or ()) if row else (),
            cast=_cast(conn, tables, row["id"]) if row else (),
            trailers=_trailers(conn, tables, row["id"]) if row else (),
            votes=_votes(conn, tables, row["id"]) if row else {},
            watchers_by_day=tuple(watchers_by_day(conn, tables, tmdb_id, now)),
            watch_in=_offers(conn, tables, row["id"]) if row else {},
            asked=tuple(records.asked_about(conn, medium, tmdb_id)),
            places=tuple(places),
            changes=tuple(title_changes.of_title(conn, medium, tmdb_id, CHANGES)),
            doubts=tuple(doubts.of_titles(conn, medium, [tmdb_id]).get(tmdb_id, ())),
            failures=tuple(failed),
            links=_links(medium, tmdb_id, row, places),
        )


def named(database: Database, medium: Medium, part: str) -> list[Name]:
    """The stored titles that are called so, in Ukrainian or as in the original; else those with it in their name."""
    wanted = part.casefold()
    with database.reading() as conn:
        every = records.names(conn, tables_of(medium))
    called = [(name, {text.casefold() for text in (name.title, name.title_uk) if text}) for name in every]
    exactly = [name for name, texts in called if wanted in texts]
    return exactly or [name for name, texts in called if any(wanted in text for text in texts)]


def _facts(row: RowMapping, origins: Mapping[str, Origin]) -> tuple[Fact, ...]:
    """Those that the medium's row has; what is not known is told as None."""
    facts = []
    for source, names in _FACTS.items():
        for name in names:
            if name not in row:
                continue
            origin = origins.get(_MOVES_WITH.get(name, name))
            if origin is None or row[name] is None:
                facts.append(Fact(name, row[name], source))
            else:
                facts.append(Fact(name, row[name], _SOURCES[origin.source], origin.answered_at))
    return tuple(facts)


def _cast(conn: Connection, t: TitleTables, title_id: int) -> tuple[RecordedActor, ...]:
    rows = records.children(conn, t, "cast", title_id)
    return tuple(
        RecordedActor(row["name"], row["character"]) for row in sorted(rows, key=lambda row: row["order"] or 0)
    )


def _trailers(conn: Connection, t: TitleTables, title_id: int) -> tuple[Trailer, ...]:
    rows = [row for row in records.children(conn, t, "videos", title_id) if row["site"] == "YouTube" and row["key"]]
    return tuple(Trailer(row["name"] or row["key"], f"{YOUTUBE}{quote(row['key'], safe='')}") for row in rows)


def _votes(conn: Connection, t: TitleTables, title_id: int) -> dict[int, int]:
    rows = records.children(conn, t, "rating_buckets", title_id)
    return {row["bucket"]: row["count"] for row in rows if row["source"] == "trakt"}


def _offers(conn: Connection, t: TitleTables, title_id: int) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for offer in records.children(conn, t, "watch_providers", title_id):
        found.setdefault(offer["region"], {})[offer["provider_name"]] = None
    return {region: tuple(names) for region, names in sorted(found.items())}


def _links(medium: Medium, tmdb_id: int, row: RowMapping | None, places: list[RecordedPlace]) -> dict[str, str]:
    links = {"TMDB": f"https://www.themoviedb.org/{medium.tmdb_path}/{tmdb_id}"}
    if slug := next((place.slug for place in places if place.slug), None):
        links["Trakt"] = f"https://trakt.tv/{medium.plural}/{slug}"
    if row and row["imdb_id"]:
        links["IMDb"] = f"https://www.imdb.com/title/{row['imdb_id']}/"
    return links
