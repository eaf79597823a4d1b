"""From what the sources answered to what the tables hold: pure translations, no I/O.

Each function gives the rows of one table, or None where the source's part did not come, which must change
nothing. What is computed from numbers (scores, deltas) is `measures`; what of it is written, given what is already
stored, is decided in `merge`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ratingo_pipelines.measures.scoring import latest_season
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.tmdb import Episode, Recommendation, TmdbTitle
from ratingo_pipelines.sources.trakt import TraktRatings, TraktTitle
from ratingo_pipelines.sync.trust.parts import CERTIFIED_IN, ukrainian_locale

Row = dict[str, Any]
RELATED_SHOWN = 12
"""As many related titles as the site shows."""
RELATED_ASKED = 20
"""As many are asked for: those that turn out to be ineligible are replaced."""
ENGLISH = "en"
_TEXTS = ("title", "overview", "tagline")


def details_columns(
    medium: Medium, details: TmdbTitle, known_title: str | None, imdb_id: str | None, locales: Sequence[str]
) -> Row:
    """The columns of a title's own row that TMDB's details fill; `known_title` and `imdb_id` are Trakt's.

    None stands for what did not come and for what came empty alike.
    """
    ukrainian = texts_in(details, ukrainian_locale(locales))
    columns: Row = {
        "title": known_title or details.name,
        "imdb_id": imdb_id or details.imdb_id,
        "title_uk": ukrainian["title"],
        "overview": details.overview,
        "overview_uk": ukrainian["overview"],
        "poster": details.poster_path,
        "poster_uk": details.poster_uk_path,
        "backdrop": details.backdrop_path,
        "rating_tmdb": details.vote_average,
        "rating_tmdb_count": details.vote_count,
        "popularity_tmdb": details.popularity,
        "status": details.status,
        "tagline": details.tagline,
        medium.tmdb_released: details.released,
        "content_rating": (details.content_ratings or {}).get(CERTIFIED_IN),
        "genres": None if details.genres is None else [{"id": g.id, "name": g.name} for g in details.genres],
        "videos": None if details.videos is None else [video.raw for video in details.videos],
        "watch_providers": _providers_json(details),
        "cast": _cast_json(medium, details),
    }
    return columns | _EXTRA_COLUMNS[medium.plural](details)


def _show_columns(details: TmdbTitle) -> Row:
    seasons = details.seasons or []
    latest = latest_season((season.season_number, season.episode_count) for season in seasons)
    columns: Row = {
        "number_of_seasons": details.number_of_seasons,
        "number_of_episodes": details.number_of_episodes,
        "latest_season_number": latest and latest[0],
        "latest_season_episodes": latest and latest[1],
    }
    for name, episode in _episodes(details).items():
        columns[f"{name}_season"] = episode and episode.season_number
        columns[f"{name}_number"] = episode and episode.episode_number
        columns[f"{name}_air_date"] = episode and episode.air_date
    return columns


def _movie_columns(details: TmdbTitle) -> Row:
    return {"runtime": details.runtime}


_EXTRA_COLUMNS: dict[str, Callable[[TmdbTitle], Row]] = {"shows": _show_columns, "movies": _movie_columns}


def _episodes(details: TmdbTitle) -> dict[str, Episode | None]:
    """The episodes that the details answered about: that there is no next one is an answer, a missing key is none."""
    came = {"last_episode": details.last_episode_came, "next_episode": details.next_episode_came}
    return {name: getattr(details, name) for name, answered in came.items() if answered}


def passed_on_columns(ratings: TraktRatings) -> Row:
    """The columns of a title's own row that Trakt passes on from IMDb and Metacritic."""
    return {
        "rating_imdb": ratings.imdb_rating,
        "imdb_votes": ratings.imdb_votes,
        "rating_metacritic": ratings.metascore,
    }


def texts_by_locale(details: TmdbTitle, locales: Sequence[str]) -> dict[str, Row]:
    """Title, overview and tagline in each locale; None for a text that TMDB does not have in it.

    The details themselves come in the main locale (the last). Where that is English they fill what its translation
    leaves empty, as TMDB does for the language a title was made in; in another language they may be English all the
    same, which is what TMDB falls back to.
    """
    found = {locale: texts_in(details, locale) for locale in locales}
    main = locales[-1]
    if main.partition("-")[0] != ENGLISH:
        return found
    own = {"title": details.name, "overview": details.overview, "tagline": details.tagline}
    return found | {main: {field: found[main][field] or text for field, text in own.items()}}


def texts_in(details: TmdbTitle, locale: str) -> Row:
    """The texts of the translations into a locale, field by field: its own region's first, then the others'.

    Several regions of one language may each be half filled.
    """
    language, _, region = locale.partition("-")
    found = [entry for entry in details.translations or [] if entry.language == language]
    found.sort(key=lambda entry: entry.region != region)
    return {field: next(filter(None, (getattr(entry, field) for entry in found)), None) for field in _TEXTS}


def genre_rows(details: TmdbTitle, genre_ids: Mapping[int, int]) -> list[Row] | None:
    """Links to the shared genres; `genre_ids` maps TMDB's ids to ours."""
    if details.genres is None:
        return None
    return [{"genre_id": genre_ids[genre.id]} for genre in details.genres]


def video_rows(details: TmdbTitle) -> list[Row] | None:
    """Trailers and teasers."""
    if details.videos is None:
        return None
    return [
        {
            "site": video.site,
            "key": video.key,
            "name": video.name,
            "type": video.type,
            "locale": video.locale,
            "official": video.official,
            "published_at": video.published_at,
        }
        for video in details.videos
    ]


def provider_rows(details: TmdbTitle) -> list[Row] | None:
    """Where to watch, by region and category."""
    if details.providers is None:
        return None
    return [
        {
            "region": provider.region,
            "provider_id": provider.provider_id,
            "provider_name": provider.name,
            "logo_path": provider.logo_path,
            "link_url": provider.link,
            "category": provider.category,
            "rank": provider.rank,
        }
        for provider in details.providers
    ]


def _providers_json(details: TmdbTitle) -> list[Row] | None:
    if details.providers is None:
        return None
    return [
        {
            "region": provider.region,
            "id": provider.provider_id,
            "name": provider.name,
            "logo_path": provider.logo_path,
            "link": provider.link,
            "category": provider.category,
            "rank": provider.rank,
        }
        for provider in details.providers
    ]


def cast_rows(details: TmdbTitle) -> list[Row] | None:
    """The first of the cast, a row a person."""
    if details.cast is None:
        return None
    return [
        {
            "person_id": member.id,
            "name": member.name,
            "character": member.roles[0] if member.roles else None,
            "order": member.order,
            "profile_path": member.profile_path,
        }
        for member in details.cast
    ]


def _cast_json(medium: Medium, details: TmdbTitle) -> list[Row] | None:
    if details.cast is None:
        return None
    return [
        {"id": member.id, "name": member.name}
        | _PART_JSON[medium.plural](member.roles)
        | {"profile_path": member.profile_path}
        for member in details.cast
    ]


_PART_JSON: dict[str, Callable[[Sequence[str]], Row]] = {
    "shows": lambda roles: {"roles": list(roles)},
    "movies": lambda roles: {"character": roles[0] if roles else None},
}


def content_rating_rows(details: TmdbTitle) -> list[Row] | None:
    """Certifications by region."""
    if details.content_ratings is None:
        return None
    return [{"region": region, "rating": rating} for region, rating in details.content_ratings.items()]


def bucket_rows(ratings: TraktRatings) -> list[Row] | None:
    """Trakt's distribution of votes: ten buckets, those it leaves out being empty."""
    if ratings.distribution is None:
        return None
    return [{"source": "trakt", "bucket": b, "count": ratings.distribution.get(b, 0)} for b in range(1, 11)]


def related_stubs(
    medium: Medium, titles: Sequence[TraktTitle] | None, recommendations: Sequence[Recommendation] | None
) -> tuple[str, list[Row]] | None:
    """The related titles' source and rows, best first: Trakt's list, else TMDB's recommendations.

    `titles` is None where Trakt was not asked or did not answer. Each row has what is needed to make a stub of a
    title not yet known: Trakt's item, completed by TMDB's recommendation of the same title where both have it.
    """
    by_id = {entry.id: entry for entry in recommendations or []}
    from_trakt = [title for title in titles or [] if title.tmdb is not None]
    if from_trakt:
        rows = [_stub(medium, title, by_id.get(title.tmdb or 0)) for title in from_trakt]
        return "trakt", _first_of_each(rows)
    if titles is None or recommendations is None:
        return None
    return "tmdb", _first_of_each([_stub(medium, None, entry) for entry in recommendations])


def recommended_stubs(medium: Medium, recommendations: Sequence[Recommendation]) -> list[Row]:
    """TMDB's recommendations alone."""
    return _first_of_each([_stub(medium, None, entry) for entry in recommendations])


def _stub(medium: Medium, title: TraktTitle | None, entry: Recommendation | None) -> Row:
    row: Row = {
        "tmdb_id": title.tmdb if title else entry and entry.id,
        "title": (title and title.title) or (entry and entry.name),
        "imdb_id": title and title.imdb,
        "overview": (entry and entry.overview) or (title and title.overview),
        "poster": entry and entry.poster_path,
        "backdrop": entry and entry.backdrop_path,
        "rating_tmdb": entry and entry.vote_average,
        "rating_tmdb_count": entry and entry.vote_count,
        "popularity_tmdb": entry and entry.popularity,
        medium.tmdb_released: (entry and entry.released) or (title and title.released),
    }
    return row


def _first_of_each(rows: Iterable[Row]) -> list[Row]:
    """The rows that have an id and a title, each title once."""
    first: dict[int, Row] = {}
    for row in rows:
        if row["tmdb_id"] and row["title"]:
            first.setdefault(row["tmdb_id"], row)
    return list(first.values())


def made_up_ratings(stored: Mapping[Any, Any]) -> Row:
    """Null for the ratings of IMDb and Metacritic that are stored as 0, as the old sync had it where nobody rated.

    Both scales begin at 1, so no source said so.
    """
    columns: Row = {}
    if stored.get("rating_imdb") == 0:
        columns = {"rating_imdb": None, "imdb_votes": None}
    if stored.get("rating_metacritic") == 0:
        columns["rating_metacritic"] = None
    return columns


def improved(values: Row) -> Row:
    """`values` without those that did not come, which overwrite nothing."""
    return {column: value for column, value in values.items() if value is not None}


def related_rows(medium: Medium, source: str, related_ids: Sequence[int]) -> list[Row]:
    """Links to related titles, by our ids, ranked from 1."""
    column = f"related_{medium.singular}_id"
    return [{column: related, "source": source, "rank": rank} for rank, related in enumerate(related_ids, start=1)]
