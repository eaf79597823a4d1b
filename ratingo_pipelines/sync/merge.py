"""What is written of one title, given what is stored of it and what the sources said: a pure decision.

A part that did not come changes nothing; one that came replaces what is known; one that came empty takes nothing away
where the title has such entries: that is a doubt (`trust.doubts`), and what is known stays until it is believed. The
transaction that reads and writes is `store`'s.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from ratingo_pipelines.sources.tmdb import TmdbTitle
from ratingo_pipelines.sources.trakt import TraktRatings
from ratingo_pipelines.sync import facts
from ratingo_pipelines.sync.facts import Row
from ratingo_pipelines.sync.trust import doubts
from ratingo_pipelines.sync.trust.entries import (
    AskedFor,
    StoredRow,
    details_entries,
    filled_buckets,
    is_stub,
    stored_entries,
)
from ratingo_pipelines.sync.trust.parts import (
    ANIME,
    BUCKETS,
    RELATED,
    TEXTS,
    TITLE_ITSELF,
    TMDB_VOTES,
    TRAKT_VOTES,
    UNKNOWN,
    FactPart,
    PartKey,
    column_parts,
    ukrainian_locale,
)
from ratingo_pipelines.sync.work import Place, TitleWork

TRAKT, TMDB = "trakt", "tmdb"
"""Where related titles come from, as their table calls it."""
CHILD_KEYS = {
    "genres": ("genre_id",),
    "videos": ("site", "key"),
    "watch_providers": ("region", "provider_id", "category"),
    "cast": ("person_id", "character"),
    "content_ratings": ("region",),
    "translations": ("locale",),
    "rating_buckets": ("source", "bucket"),
}
"""The child tables that mirror what a source lists, and what tells their rows apart; `related` is keyed by medium."""
DETAILS_TABLES = ("genres", "videos", "watch_providers", "cast", "content_ratings", "translations")
"""The child tables that TMDB's details fill."""
IN_ORDER = frozenset({"cast", "videos", "related"})
"""The child tables that the site reads by their ids and shows what comes first of."""
PART_OF_TABLE = {
    "genres": FactPart.GENRES,
    "videos": FactPart.VIDEOS,
    "watch_providers": FactPart.PROVIDERS,
    "cast": FactPart.CAST,
    "content_ratings": FactPart.CERTIFICATIONS,
    "related": FactPart.RELATED,
    "rating_buckets": FactPart.BUCKETS,
}
"""The child tables that hold one part each; that of translations holds three."""
_Votes = tuple[float | None, int | None]
"""An average and how many voted."""


@dataclass(frozen=True)
class RelatedTitles:
    """The related titles that are to be linked, with our ids, best first."""

    source: str
    """`trakt` or `tmdb`."""
    tmdb_ids: Sequence[int]
    ids: Sequence[int]
    told: int
    """How many the source named, whatever becomes of them here."""
    trakt_has_none: bool = False
    """Whether Trakt was asked and relates no title, so that these are TMDB's."""
    candidates: tuple[int, ...] = ()
    """All that are to be kept, by TMDB's ids: those to be linked, and those that may move up."""


@dataclass(frozen=True)
class Told:
    """What the sources said of one title; None where they were not asked or did not answer."""

    details: TmdbTitle | None = None
    genre_ids: Mapping[int, int] = field(default_factory=dict)
    """Our ids of the genres, by TMDB's."""
    ratings: TraktRatings | None = None
    related: RelatedTitles | None = None
    doubts: Mapping[PartKey, str] = field(default_factory=dict)
    """Why the title itself is in doubt: TMDB does not know it any more, or it falls to the anime filter."""


@dataclass(frozen=True)
class Known:
    """What is stored of one title."""

    row: StoredRow | None = None
    """Its own row, None for a title that has none yet."""
    children: Mapping[str, Sequence[RowMapping]] = field(default_factory=dict)
    """Rows of those child tables that the answers are about, by the table's role."""
    doubts: Collection[PartKey] = ()
    """The open doubts about it."""
    has_children: bool = False
    """Whether it has rows in any child table, read or not."""


@dataclass(frozen=True)
class Merged:
    """What is to be written."""

    columns: Row
    """Columns of the title's own row."""
    children: Mapping[str, list[Row]]
    """The rows that child tables are to have; a table that is left out stays as it is."""
    known: Mapping[str, Sequence[RowMapping]]
    """Of these tables, the rows that these replace; others stay."""
    had: frozenset[PartKey]
    """The parts that were answered about and of which the title had entries."""
    doubted: Mapping[PartKey, str | None]
    """The parts that would be lost if the answers were believed, with the reason where there is one."""
    ended: frozenset[PartKey]
    """The open doubts that are over."""

    @property
    def related_is_believed(self) -> bool:
        """Whether what was said of related titles is not doubted."""
        return RELATED not in self.doubted


def merge(asked: AskedFor, work: TitleWork, told: Told, known: Known, today: date, *, rated: bool) -> Merged:
    """Decide what is written. `rated` tells whether the ratings are among the stages done; `today` is UTC's."""
    stored: dict[PartKey, int] = {}
    if known.row is not None and not is_stub(known.row):
        stored = stored_entries(asked, known.row, known.children, told.details, today)
    stored |= {key: int(work.stored) for key in TITLE_ITSELF}
    votes = _trakt_votes(told.ratings, work.place if rated else None)
    answered = _answered(asked, told, known, votes)
    held = doubts.emptied(stored, answered)
    kept = held | (_judged_by_filter(asked) if ANIME in held else frozenset())
    return Merged(
        columns={
            **facts.made_up_ratings(known.row or {}),
            **_columns(asked, work, told, known, votes, answered, kept),
        },
        children=_child_rows(asked, told, known, answered, kept),
        known={name: _replaced(name, rows, kept) for name, rows in known.children.items()},
        had=frozenset(key for key in answered if stored.get(key)),
        doubted={key: told.doubts.get(key) for key in held},
        ended=doubts.ended(known.doubts, stored, answered) | _not_asked_for(asked, known.doubts),
    )


def _trakt_votes(ratings: TraktRatings | None, place: Place | None) -> _Votes | None:
    """Trakt's average and votes; the list names them as well, for titles whose ratings do not come, or come empty."""
    for average, votes in (
        (ratings and ratings.rating, ratings and ratings.votes),
        (place and place.title.rating, place and place.title.votes),
    ):
        if average and votes:
            return average, votes
    has_none = ratings is not None and (ratings.votes == 0 or ratings == TraktRatings())
    return (None, ratings.votes) if ratings is not None and has_none else None


def _answered(asked: AskedFor, told: Told, known: Known, votes: _Votes | None) -> dict[PartKey, int]:
    """How many entries of each part the answers bring; parts that did not come are left out."""
    answered: dict[PartKey, int] = {}
    if told.details is not None:
        answered = {UNKNOWN: 1, ANIME: 1, **details_entries(asked, told.details)}
    if told.ratings is not None and (buckets := filled_buckets(told.ratings)) is not None:
        answered[BUCKETS] = buckets
    if votes is not None:
        answered[TRAKT_VOTES] = votes[1] or 0
    if told.related is not None:
        links = known.children.get("related", ())
        gone = told.related.trakt_has_none and any(link["source"] == TRAKT for link in links)
        answered[RELATED] = 0 if gone else told.related.told
    return answered | dict.fromkeys(told.doubts, 0)


def _columns(
    asked: AskedFor,
    work: TitleWork,
    told: Told,
    known: Known,
    votes: _Votes | None,
    answered: Mapping[PartKey, int],
    kept: Collection[PartKey],
) -> Row:
    """The row's columns that are to be written; null where the source said that there is none."""
    columns: Row = {"tmdb_id": work.tmdb_id}
    if told.ratings:
        columns |= facts.passed_on_columns(told.ratings)
    if votes:
        columns |= {"rating_trakt_avg": votes[0], "rating_trakt_votes": votes[1]}
    if told.details:
        imdb_id = work.place.title.imdb_id if work.place else None
        columns |= facts.details_columns(asked.medium, told.details, work.trakt_title, imdb_id, asked.locales)
        if TMDB_VOTES not in answered:
            # An average and the number of votes move together.
            columns |= {"rating_tmdb": None, "rating_tmdb_count": None}
        if columns["watch_providers"] is not None:
            columns["watch_providers"] = _with_kept_offers(asked, columns["watch_providers"], known, kept)
    if told.related:
        columns["related"] = list(told.related.tmdb_ids)
    if ANIME in kept:
        del columns["title"]
    parts = column_parts(asked.medium, asked.locales)
    return {name: value for name, value in columns.items() if _is_written(value, parts.get(name), answered, kept)}


def _is_written(value: Any, part: PartKey | None, answered: Mapping[PartKey, int], kept: Collection[PartKey]) -> bool:
    if part in kept:
        return False
    # Null is written where the source said that there is none: what did not come overwrites nothing.
    return value is not None or part in answered


def _judged_by_filter(asked: AskedFor) -> frozenset[PartKey]:
    """What the anime filter looks at. It stays as it is while the filter's verdict is in doubt."""
    return frozenset({PartKey(FactPart.GENRES), PartKey(FactPart.TITLE, ukrainian_locale(asked.locales))})


def _with_kept_offers(asked: AskedFor, offers: list[Row], known: Known, kept: Collection[PartKey]) -> list[Row]:
    """The offers of the answer, and what is known of the regions in doubt."""
    stored = (known.row or {}).get("watch_providers") or []
    doubted = [offer for offer in stored if PartKey(FactPart.PROVIDERS, offer["region"]) in kept]
    order = {region: place for place, region in enumerate(asked.regions)}
    return sorted([*doubted, *offers], key=lambda offer: order.get(offer["region"], len(order)))


def _child_rows(
    asked: AskedFor, told: Told, known: Known, answered: Mapping[PartKey, int], kept: Collection[PartKey]
) -> dict[str, list[Row]]:
    """The rows that child tables are to have, beside those of regions in doubt."""
    rows: dict[str, list[Row] | None] = {}
    if told.details is not None:
        details = told.details
        rows = {
            "genres": facts.genre_rows(details, told.genre_ids),
            "videos": facts.video_rows(details),
            "watch_providers": facts.provider_rows(details),
            "cast": facts.cast_rows(details),
            "content_ratings": facts.content_rating_rows(details),
            "translations": _translations(asked, details, known, answered, kept),
        }
    if told.related is not None:
        rows["related"] = facts.related_rows(asked.medium, told.related.source, told.related.ids)
    if told.ratings is not None:
        rows["rating_buckets"] = facts.bucket_rows(told.ratings)
    doubted = {name for name, part in PART_OF_TABLE.items() if PartKey(part) in kept}
    return {name: listed for name, listed in rows.items() if listed is not None and name not in doubted}


def _translations(
    asked: AskedFor, details: TmdbTitle, known: Known, answered: Mapping[PartKey, int], kept: Collection[PartKey]
) -> list[Row]:
    """A row for each locale with a text in it: TMDB's, else what is known where that did not come or is doubted."""
    stored = {row["locale"]: row for row in known.children.get("translations", ())}
    rows = []
    for locale, texts in facts.texts_by_locale(details, asked.locales).items():
        row: Row = {"locale": locale}
        for part in TEXTS:
            key = PartKey(part, locale)
            told = key in answered and key not in kept
            row[part.value] = texts[part] if told else (stored[locale][part.value] if locale in stored else None)
        if any(row[part] for part in TEXTS):
            rows.append(row)
    return rows


def _replaced(name: str, rows: Sequence[RowMapping], kept: Collection[PartKey]) -> list[RowMapping]:
    """The stored rows that the answer's replace: those of regions in doubt stay."""
    part = PART_OF_TABLE.get(name)
    return [row for row in rows if part is None or PartKey(part, row.get("region") or "") not in kept]


def _not_asked_for(asked: AskedFor, open_doubts: Collection[PartKey]) -> frozenset[PartKey]:
    """Doubts about regions and locales that our settings no longer name."""
    return frozenset(key for key in open_doubts if key.region and key.region not in (*asked.regions, *asked.locales))
