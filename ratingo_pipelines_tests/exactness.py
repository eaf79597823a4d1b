"""Compares a database that a sync filled with the sandbox's truth, fact by fact, in words.

For tests, benchmarks and the chaos suite alike; it asserts nothing. What is true is the sandbox's to say
(`sandbox/truth.py`); what is read here is read with plain statements, without the code under test.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import cycles
from ratingo_pipelines.storage.tables import genres, tables_of, watch_providers_registry

Row = Mapping[str, Any]
Truth = Sequence[Mapping[str, Any]]

IN_ORDER = ("cast", "videos", "related")
"""The child tables that the site reads by their ids and shows what comes first of."""
OMDB_COLUMNS = ("rating_imdb", "imdb_votes", "rating_metacritic")
CHILDREN = (
    *("ratings", "rating_buckets", "translations", "genres", "videos", "watch_providers"),
    *("cast", "content_ratings", "related", "snapshots"),
)


@dataclass(frozen=True)
class Difference:
    """One fact that a database does not say, or says wrongly."""

    title: str
    """`show 210011 Still Water`."""
    part: str
    """The column or child table."""
    place: tuple[Any, ...]
    """Which fact: the title's TMDB id, the column, or the child table with its row's key and the column."""
    text: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.title}: {self.text}"


def differences(
    database: Database,
    medium: Medium,
    truth: Truth,
    *,
    after_omdb: bool = False,
    ignoring: Collection[str] = (),
    without: Collection[int] = (),
) -> list[str]:
    """What of `truth` (`GET /control/truth/{medium}`) the database does not say, a line each; none: it is exact.

    The database is that of a cycle which has just ended. `after_omdb`: OMDb was asked about every title as well.
    `ignoring` names columns and child tables that are not compared, `without` titles (TMDB ids) that are not.
    """
    found = compare(database, medium, truth, after_omdb=after_omdb, without=without)
    return [str(difference) for difference in found if difference.part not in ignoring]


def compare(
    database: Database, medium: Medium, truth: Truth, *, after_omdb: bool = False, without: Collection[int] = ()
) -> list[Difference]:
    """As `differences`, as values."""
    eligible = {entry["tmdb"]: entry for entry in truth if entry["skip"] is None}
    skipped = {entry["tmdb"] for entry in truth if entry["skip"] is not None} - eligible.keys()
    compared = {tmdb_id: entry for tmdb_id, entry in eligible.items() if tmdb_id not in without}
    with database.reading() as conn:
        stored = _Stored.read(conn, medium, {*compared, *skipped})
    found = []
    for tmdb_id, entry in compared.items():
        title = f"{medium.singular} {tmdb_id} {entry['facts']['row']['title']}"
        wrong = [(("row",), "no row")]
        if tmdb_id in stored.rows:
            wrong = list(_title_differences(medium, entry, stored, after_omdb))
        found += [Difference(title, place[0], (tmdb_id, *place), text) for place, text in wrong]
    for tmdb_id in sorted(skipped & stored.rows.keys(), key=str):
        if stored.rows[tmdb_id]["rating_trakt"] is not None:
            title = f"{medium.singular} {tmdb_id}"
            found.append(Difference(title, "row", (tmdb_id, "row"), "listed, though it is to be skipped"))
    return found


_Wrong = Iterator[tuple[tuple[Any, ...], str]]
"""Each difference: its place, and what it is in words."""


@dataclass(frozen=True)
class _Stored:
    """The rows of some titles: the titles' own by TMDB id, those of each child table by the title's id."""

    cycle_at: datetime | None
    rows: Mapping[int, Row]
    children: Mapping[str, Mapping[int, Sequence[Row]]]
    genres: Mapping[int, Row]
    registry: Mapping[int, Row]
    related: Mapping[int, Row]

    @classmethod
    def read(cls, conn: Connection, medium: Medium, tmdb_ids: Collection[int]) -> "_Stored":
        tables = tables_of(medium)
        rows = {row["tmdb_id"]: row for row in _rows(conn, tables.titles, "tmdb_id", tmdb_ids)}
        ids = [row["id"] for row in rows.values()]
        children: dict[str, dict[int, list[Row]]] = {name: {} for name in CHILDREN}
        for name in CHILDREN:
            for row in _rows(conn, getattr(tables, name), tables.parent_key, ids):
                children[name].setdefault(row[tables.parent_key], []).append(row)
        related = {row[tables.related_key] for links in children["related"].values() for row in links}
        latest = select(cycles.c.cycle_at).where(cycles.c.medium == medium.plural).order_by(cycles.c.cycle_at.desc())
        return cls(
            cycle_at=conn.execute(latest.limit(1)).scalar(),
            rows=rows,
            children=children,
            genres={row["id"]: dict(row) for row in conn.execute(select(genres)).mappings()},
            registry={row["tmdb_id"]: dict(row) for row in conn.execute(select(watch_providers_registry)).mappings()},
            related={row["id"]: row for row in _rows(conn, tables.titles, "id", related)},
        )

    def of(self, name: str, row: Row) -> Sequence[Row]:
        """A title's rows of a child table."""
        return self.children[name].get(row["id"], ())


def _rows(conn: Connection, table: Table, column: str, values: Iterable[int | None]) -> Sequence[Row]:
    wanted = sorted({value for value in values if value is not None})
    statement = select(table).where(table.c[column].in_(wanted)).order_by(table.c.id)
    return [dict(row) for row in conn.execute(statement).mappings()]


def _title_differences(medium: Medium, entry: Row, stored: _Stored, after_omdb: bool) -> _Wrong:
    row, facts = stored.rows[entry["tmdb"]], entry["facts"]
    yield from _unequal(row, _columns(facts, after_omdb))
    yield from _unequal(row, _json_columns(medium, facts))
    yield from _unequal(row, _deltas(facts, stored.cycle_at))
    if row["trending_updated_at"] != stored.cycle_at:
        yield ("trending_updated_at",), f"trending_updated_at is {row['trending_updated_at']}, not {stored.cycle_at}"
    for name, (key, expected) in _children(facts).items():
        actual = [_readable(name, child, stored) for child in stored.of(name, row)]
        for place, text in _row_differences(key, expected, actual):
            yield (name, *place), f"{name}: {text}"
        if name in IN_ORDER and [child[key[-1]] for child in actual] != [child[key[-1]] for child in expected]:
            yield (name, "order"), f"{name}: the ids do not ascend in the order of the list"
    now = [one["watchers"] for one in stored.of("snapshots", row) if one["created_at"] == stored.cycle_at]
    if now != [entry["watchers"]]:
        yield ("snapshots",), f"snapshots of the cycle are {now}, not [{entry['watchers']}]"
    for offer in facts["providers"]:
        known = stored.registry.get(offer["provider_id"])
        if known is None or (known["name"], known["logo_path"]) != (offer["provider_name"], offer["logo_path"]):
            place = ("registry", offer["provider_id"])
            yield place, f"the registry knows provider {offer['provider_id']} as {known and known['name']}"


def _unequal(row: Row, expected: Row) -> _Wrong:
    for column, value in expected.items():
        if row[column] != value:
            yield (column,), f"{column} is {row[column]!r}, not {value!r}"


def _columns(facts: Row, after_omdb: bool) -> dict[str, Any]:
    columns = dict(facts["row"])
    if after_omdb:
        columns |= facts["after_omdb"]
        ratings = ("rating_tmdb", "rating_trakt_avg", "rating_imdb")
        columns["primary_rating"] = next((columns[name] for name in ratings if columns[name] is not None), None)
        if facts["omdb"] == "invalid_json":
            # What a body that is no JSON says is nobody's truth: a lenient reader may get at it.
            columns = {name: value for name, value in columns.items() if name not in (*OMDB_COLUMNS, "primary_rating")}
    return columns


def _json_columns(medium: Medium, facts: Row) -> dict[str, Any]:
    """The columns that repeat child tables for the site."""
    part = (
        (lambda roles: {"roles": roles}) if medium is SHOWS else (lambda roles: {"character": next(iter(roles), None)})
    )
    return {
        "genres": [{"id": genre["id"], "name": genre["name_en"]} for genre in facts["genres"]],
        "watch_providers": [
            {
                "region": offer["region"],
                "id": offer["provider_id"],
                "name": offer["provider_name"],
                "logo_path": offer["logo_path"],
                "link": offer["link_url"],
                "category": offer["category"],
                "rank": offer["rank"],
            }
            for offer in facts["providers"]
        ],
        "cast": [
            {"id": one["person_id"], "name": one["name"], **part(one["roles"]), "profile_path": one["profile_path"]}
            for one in facts["cast"]
        ],
        "related": [one["tmdb_id"] for one in facts["related"]],
    }


def _deltas(facts: Row, cycle_at: datetime | None) -> dict[str, float]:
    """The change that the monthly lists settle; the other depends on the snapshots before."""
    watched = facts["monthly"]
    if cycle_at is None:
        return {}
    last = cycle_at.year * 12 + cycle_at.month - 2
    months = [f"{month // 12:04}-{month % 12 + 1:02}-01" for month in range(last, last - 6, -1)]
    counted = [watched.get(month, 0) for month in months]
    return {"delta_3m": float(sum(counted[:3]) - sum(counted[3:]))}


def _children(facts: Row) -> dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """What each child table must hold: the columns that tell its rows apart, and the rows."""
    ratings, part = facts["ratings"], ("person_id", "name", "character", "order", "profile_path")
    return {
        "ratings": (("source",), [{"source": "trakt", **ratings}] if ratings else []),
        "rating_buckets": (
            ("source", "bucket"),
            [{"source": "trakt", "bucket": int(b), "count": count} for b, count in facts["buckets"].items()],
        ),
        "translations": (("locale",), [{"locale": locale, **texts} for locale, texts in facts["translations"].items()]),
        "genres": (
            ("tmdb_id",),
            [{"tmdb_id": one["id"], "name_en": one["name_en"], "name_uk": one["name_uk"]} for one in facts["genres"]],
        ),
        "videos": (("site", "key"), list(facts["videos"])),
        "watch_providers": (("region", "provider_id", "category"), list(facts["providers"])),
        "cast": (("person_id",), [{name: one[name] for name in part} for one in facts["cast"]]),
        "content_ratings": (
            ("region",),
            [{"region": region, "rating": rating} for region, rating in facts["content_ratings"].items()],
        ),
        "related": (("tmdb_id",), list(facts["related"])),
    }


def _readable(name: str, child: Row, stored: _Stored) -> dict[str, Any]:
    """A child row in the truth's words."""
    if name == "genres":
        return dict(stored.genres[child["genre_id"]])
    if name == "related":
        column = next(column for column in child if column.startswith("related_"))
        other = stored.related[child[column]]
        return {**child, "tmdb_id": other["tmdb_id"], "title": other["title"]}
    if name == "videos" and child["published_at"] is not None:
        return {**child, "published_at": child["published_at"].replace(tzinfo=None).isoformat()}
    return dict(child)


def _row_differences(key: Sequence[str], expected: Sequence[Row], actual: Sequence[Row]) -> _Wrong:
    wanted = {tuple(row[name] for name in key): row for row in expected}
    counted: dict[tuple[Any, ...], int] = {}
    for row in actual:
        named = tuple(row[name] for name in key)
        counted[named] = counted.get(named, 0) + 1
        true = wanted.get(named)
        if true is None:
            yield (named,), f"{named} is there, and should not be"
            continue
        for column, value in true.items():
            if row[column] != value:
                yield (named, column), f"{named}: {column} is {row[column]!r}, not {value!r}"
    yield from (((named,), f"{named} is missing") for named in wanted.keys() - counted.keys())
    yield from (((named,), f"{named} is there {count} times") for named, count in counted.items() if count > 1)
