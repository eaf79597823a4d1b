"""How many entries of each part a title has, and how many an answer brings.

What is counted of a stored title is what the source can have said: an adopted database holds English texts under
Ukrainian names, default posters as Ukrainian ones and 0.0 as a rating, and what our own settings no longer ask for is
theirs to take away. Pure; what follows from the counts is decided in `doubts`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.tmdb import TmdbTitle
from ratingo_pipelines.sources.trakt import TraktRatings
from ratingo_pipelines.sync import facts
from ratingo_pipelines.sync.trust.parts import (
    CERTIFIED_IN,
    TEXTS,
    FactPart,
    PartKey,
    column_parts,
    ukrainian_locale,
)

Entries = Mapping[PartKey, int]
"""Entries by part; a part that did not come, or that a title does not have, may be left out."""
StoredRow = Mapping[Any, Any]
"""A row as it was read: a column's name -> its value."""
Rows = Sequence[StoredRow]
_SCALARS = {
    FactPart.POSTER: "poster_path",
    FactPart.POSTER_UK: "poster_uk_path",
    FactPart.BACKDROP: "backdrop_path",
    FactPart.RELEASED: "released",
    FactPart.STATUS: "status",
    FactPart.RUNTIME: "runtime",
    FactPart.NUMBER_OF_SEASONS: "number_of_seasons",
    FactPart.NUMBER_OF_EPISODES: "number_of_episodes",
}
"""The parts that are a single value, and their field of TMDB's answer."""


@dataclass(frozen=True)
class AskedFor:
    """What our settings ask the sources for; nothing else counts."""

    medium: Medium
    regions: tuple[str, ...]
    locales: tuple[str, ...]
    """The last one is the main locale."""

    @property
    def languages(self) -> set[str]:
        """The languages of the locales."""
        return {locale.partition("-")[0] for locale in self.locales}


def is_stub(row: StoredRow) -> bool:
    """Whether a row was made from what others said of the title: no details of it have come yet."""
    return all(row[column] is None for column in ("genres", "cast", "videos", "watch_providers", "status"))


def details_entries(asked: AskedFor, details: TmdbTitle) -> dict[PartKey, int]:
    """What TMDB's details bring of each part that came."""
    found = {PartKey(part): count for part, count in _lists(details)}
    if details.providers is not None:
        found |= {
            PartKey(FactPart.PROVIDERS, region): sum(offer.region == region for offer in details.providers)
            for region in asked.regions
        }
    if details.content_ratings is not None:
        found |= {
            PartKey(FactPart.CERTIFICATIONS, region): int(region in details.content_ratings)
            for region in (*asked.regions, CERTIFIED_IN)
        }
    for part, field in _SCALARS.items():
        if getattr(details, field) or field in details.empty:
            found[PartKey(part)] = int(bool(getattr(details, field)))
    # An average and the number of votes say something together alone.
    if details.vote_count == 0 or (details.vote_count and details.vote_average):
        found[PartKey(FactPart.TMDB_VOTES)] = details.vote_count
    return found | _texts(asked, details)


def _lists(details: TmdbTitle) -> Iterator[tuple[FactPart, int]]:
    lists = {FactPart.CAST: details.cast, FactPart.VIDEOS: details.videos, FactPart.GENRES: details.genres}
    for part, entries in lists.items():
        if entries is not None:
            yield part, len(entries)
    if details.seasons is not None:
        yield FactPart.SEASONS, len(details.seasons)
    if details.last_episode_came:
        yield FactPart.LAST_EPISODE, int(details.last_episode is not None)
    if details.next_episode_came:
        yield FactPart.NEXT_EPISODE, int(details.next_episode is not None)


def _texts(asked: AskedFor, details: TmdbTitle) -> dict[PartKey, int]:
    main = asked.locales[-1]
    found = {}
    for locale, texts in facts.texts_by_locale(details, asked.locales).items():
        for part in TEXTS:
            # In the main locale the details say themselves that there is none.
            silent = details.translations is None or (locale == main and part not in details.empty)
            if texts[part] or not silent:
                found[PartKey(part, locale)] = int(bool(texts[part]))
    ukrainian = ukrainian_locale(asked.locales)
    if details.translations is not None and ukrainian not in asked.locales:
        # Not asked for, so there is none.
        found |= {PartKey(part, ukrainian): 0 for part in TEXTS}
    return found


def filled_buckets(ratings: TraktRatings) -> int | None:
    """How many of the ten buckets Trakt's distribution fills; None where it did not come.

    Ratings without any figure are how Trakt says that it has none of a title.
    """
    if ratings.distribution is None:
        return 0 if ratings == TraktRatings() else None
    return sum(count > 0 for count in ratings.distribution.values())


def stored_entries(
    asked: AskedFor, row: StoredRow, children: Mapping[str, Rows], details: TmdbTitle | None, today: date
) -> dict[PartKey, int]:
    """What is stored of a title: its row and the rows of its child tables, by the table's role.

    Tables that were not read count as empty: what was asked about is what was read. `details` say what the title is
    called elsewhere, `today` (UTC) which episodes have aired.
    """
    found = {
        PartKey(FactPart.CAST): _most(row["cast"], children.get("cast")),
        PartKey(FactPart.GENRES): _most(row["genres"], children.get("genres")),
        PartKey(FactPart.RELATED): _most(row["related"], children.get("related")),
        PartKey(FactPart.VIDEOS): _videos(asked, row, children),
        PartKey(FactPart.BUCKETS): sum(bucket["count"] > 0 for bucket in children.get("rating_buckets", ())),
        PartKey(FactPart.TMDB_VOTES): _votes(row["rating_tmdb"], row["rating_tmdb_count"]),
        PartKey(FactPart.TRAKT_VOTES): _votes(row["rating_trakt_avg"], row["rating_trakt_votes"]),
    }
    for region in asked.regions:
        found[PartKey(FactPart.PROVIDERS, region)] = _most(
            _of_region(row["watch_providers"], region), _of_region(children.get("watch_providers"), region)
        )
        rated = any(child["rating"] for child in _of_region(children.get("content_ratings"), region))
        rated = rated or bool(region == CERTIFIED_IN and row["content_rating"])
        found[PartKey(FactPart.CERTIFICATIONS, region)] = int(rated)
    for part in _SCALARS:
        column = asked.medium.tmdb_released if part is FactPart.RELEASED else part.value
        found[PartKey(part)] = int(bool(row.get(column)))
    if row["poster_uk"] == row["poster"]:
        found[PartKey(FactPart.POSTER_UK)] = 0
    found[PartKey(FactPart.SEASONS)] = int(row.get("latest_season_number") is not None)
    found[PartKey(FactPart.LAST_EPISODE)] = int(row.get("last_episode_number") is not None)
    airs = row.get("next_episode_air_date") or today.isoformat()
    to_air = row.get("next_episode_number") is not None and airs >= today.isoformat()
    found[PartKey(FactPart.NEXT_EPISODE)] = int(to_air)
    return found | dict(_stored_texts(asked, row, children.get("translations", ()), details))


def _most(*lists: Collection[Any] | None) -> int:
    return max(len(entries or ()) for entries in lists)


def _of_region(entries: Rows | None, region: str) -> Rows:
    return [entry for entry in entries or () if entry["region"] == region]


def _videos(asked: AskedFor, row: StoredRow, children: Mapping[str, Rows]) -> int:
    wanted = {None, "", "xx", *asked.languages}
    return _most(
        [video for video in row["videos"] or () if video.get("iso_639_1") in wanted],
        [video for video in children.get("videos", ()) if video["locale"] in wanted],
    )


def _votes(average: float | None, votes: int | None) -> int:
    # An average of 0 votes is nobody's: there is nothing to lose.
    return int(bool(average)) if votes is None else votes


def _stored_texts(
    asked: AskedFor, row: StoredRow, rows: Rows, details: TmdbTitle | None
) -> Iterator[tuple[PartKey, int]]:
    by_locale = {translated["locale"]: translated for translated in rows}
    columns = column_parts(asked.medium, asked.locales)
    for part in TEXTS:
        for locale in asked.locales:
            stored = {by_locale[locale][part.value] if locale in by_locale else None}
            stored |= {row[column] for column, key in columns.items() if key == (part, locale)}
            others = _untranslated(asked, part, locale, row, by_locale, details)
            yield PartKey(part, locale), int(bool(stored - others - {None, ""}))


def _untranslated(
    asked: AskedFor,
    part: FactPart,
    locale: str,
    row: StoredRow,
    by_locale: Mapping[str, StoredRow],
    details: TmdbTitle | None,
) -> set[str | None]:
    """What a text would say in this locale that nobody has translated into it: the main locale's, or the original."""
    main, language = asked.locales[-1], locale.partition("-")[0]
    if locale == main:
        return set()
    found = {row[part.value], by_locale[main][part.value] if main in by_locale else None}
    if details is not None:
        found.add({"title": details.name, "overview": details.overview, "tagline": details.tagline}[part.value])
        if part is FactPart.TITLE and details.original_language != language:
            found.add(details.original_name)
    return found
