"""What TMDB's answer for a title means, in one shape for shows and movies.

Here is decided which videos, certifications, providers, persons and posters count. A list that did not come is
None; one that came empty is []. Providers and certifications did not come either when those of a region that counts
are unreadable: what is known of them would else be taken for gone. The answer as it comes is in tmdb_payload.py, the
client that asks in tmdb.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import Misrouted
from ratingo_pipelines.sources.lenient import foreign, parse, parse_entries, read_count, unusable
from ratingo_pipelines.sources.tmdb.payload import (
    DetailsPayload,
    Episode,
    Genre,
    ListedPayload,
    PersonPayload,
    PosterPayload,
    RegionPayload,
    Season,
    TranslationPayload,
    TrendingPayload,
    VideoPayload,
    error_code,
)

API = "TMDB"
MOST_PAGES = 500
CATEGORIES = ("flatrate", "free", "ads", "rent", "buy")
CAST_SIZE = 12
_VIDEO_TYPES = ("Trailer", "Teaser")
"""In the order in which the site should play them."""
_UKRAINIAN = "uk"
_MAY_BE_EMPTY = (
    *("overview", "tagline", "status", "poster_path", "backdrop_path"),
    *("runtime", "number_of_seasons", "number_of_episodes"),
)
_NEUTRAL = (None, "xx")
"""TMDB's ways to say that a video has no language; an empty one is read as None."""


@dataclass(frozen=True)
class Translation:
    """A title's texts in one language; a text that is not translated is None."""

    language: str
    region: str | None
    title: str | None
    overview: str | None
    tagline: str | None


@dataclass(frozen=True)
class Video:
    """A trailer or teaser on YouTube; `locale` is None when it has no language, `raw` is TMDB's own object."""

    key: str
    site: str
    type: str
    name: str | None
    locale: str | None
    official: bool | None
    published_at: datetime | None
    raw: dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """A service in one region and category (`flatrate`, `free`, `ads`, `rent`, `buy`)."""

    region: str
    category: str
    provider_id: int
    name: str
    logo_path: str | None
    link: str | None
    rank: int


@dataclass(frozen=True)
class CastMember:
    """A person with all their roles; `order` is TMDB's, else the place in the list."""

    id: int
    name: str
    roles: list[str]
    profile_path: str | None
    order: int


@dataclass(frozen=True)
class Recommendation:
    """A similar title of the same medium, with what a row about it needs; `released` is an ISO date."""

    id: int
    name: str
    overview: str | None
    poster_path: str | None
    backdrop_path: str | None
    vote_average: float | None
    vote_count: int | None
    popularity: float | None
    released: str | None


@dataclass(frozen=True)
class PopularTitle:
    """A place in TMDB's trending list; what of it cannot be read is None. `released` is an ISO date."""

    id: int | None
    name: str | None
    popularity: float | None
    genre_ids: tuple[int, ...] = ()
    released: str | None = None


@dataclass(frozen=True)
class TmdbTitle:
    """All that TMDB tells about a show or movie; `released` is an ISO date, `runtime` minutes.

    `last_episode_came` and `next_episode_came` tell an answer of "none" from one that said nothing usable; so does
    `empty` for the other fields that are no lists: it names those that came and say that there is none.
    """

    id: int
    name: str | None = None
    original_name: str | None = None
    original_language: str | None = None
    overview: str | None = None
    poster_path: str | None = None
    backdrop_path: str | None = None
    poster_uk_path: str | None = None
    genres: list[Genre] | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    popularity: float | None = None
    status: str | None = None
    tagline: str | None = None
    released: str | None = None
    runtime: int | None = None
    number_of_seasons: int | None = None
    number_of_episodes: int | None = None
    seasons: list[Season] | None = None
    last_episode: Episode | None = None
    last_episode_came: bool = True
    next_episode: Episode | None = None
    next_episode_came: bool = True
    imdb_id: str | None = None
    translations: list[Translation] | None = None
    videos: list[Video] | None = None
    providers: list[Provider] | None = None
    content_ratings: dict[str, str] | None = None
    cast: list[CastMember] | None = None
    recommendations: list[Recommendation] | None = None
    empty: frozenset[str] = frozenset()


def parse_details(payload: Any, medium: Medium, regions: Sequence[str], languages: Sequence[str]) -> TmdbTitle:
    """Read the answer for one title, with the providers and certifications of `regions` (`UA`) only, the
    translations and videos in `languages` (`uk`) only.

    Raises `BadPayload` when it has no usable id, and `Misrouted` when it is no answer of TMDB's at all.
    """
    _check_origin(payload, "id", "a title")
    raw = parse(API, DetailsPayload, payload)
    return TmdbTitle(
        id=raw.id,
        name=_name(raw, medium),
        original_name=getattr(raw, f"original_{medium.tmdb_name}"),
        original_language=raw.original_language,
        overview=raw.overview,
        poster_path=raw.poster_path,
        backdrop_path=raw.backdrop_path,
        poster_uk_path=_best_poster(raw.posters or (), _UKRAINIAN),
        genres=_genres(raw.genres),
        vote_average=_average(raw),
        vote_count=raw.vote_count,
        popularity=raw.popularity,
        status=raw.status,
        tagline=raw.tagline,
        released=getattr(raw, medium.tmdb_released),
        runtime=raw.runtime,
        number_of_seasons=raw.number_of_seasons,
        number_of_episodes=raw.number_of_episodes,
        seasons=raw.seasons,
        last_episode=raw.last_episode_to_air,
        last_episode_came=_came(payload, "last_episode_to_air", raw.last_episode_to_air),
        next_episode=raw.next_episode_to_air,
        next_episode_came=_came(payload, "next_episode_to_air", raw.next_episode_to_air),
        imdb_id=raw.external_imdb_id or raw.imdb_id,
        translations=_translations(raw.translations, medium, languages),
        videos=_videos(raw.videos, languages),
        providers=_providers(raw.providers, regions),
        content_ratings=_content_ratings(raw, regions),
        cast=_cast(raw.cast if raw.aggregate_cast is None else raw.aggregate_cast),
        recommendations=_recommendations(raw.recommendations, raw.id, medium),
        empty=_empty(payload, raw, medium),
    )


def parse_genres(payload: Any) -> dict[int, str]:
    """Read the list of genres as names by id; a genre without a name in the language asked for is left out.

    Raises `BadPayload` when they cannot be read, and `Misrouted` when the answer is none of TMDB's.
    """
    _check_origin(payload, "genres", "a list of genres")
    entries = payload.get("genres")
    return {genre.id: genre.name for genre in parse_entries(API, Genre, entries, "genres")}


def parse_found(payload: Any, medium: Medium) -> int | None:
    """Read which title of this medium was found by an id of somebody else's; None where there is none.

    Raises `BadPayload` when it cannot be read, and `Misrouted` when the answer is none of TMDB's.
    """
    name = f"{medium.tmdb_path}_results"
    _check_origin(payload, name, "what was found")
    found = parse_entries(API, ListedPayload, payload.get(name), name)
    return found[0].id if found else None


def parse_trending(payload: Any, medium: Medium) -> list[PopularTitle]:
    """Read a page of the trending list: as many entries as came; of another medium's none.

    Raises `Misrouted` when the answer is none of TMDB's, `BadPayload` where no entry can be read.
    """
    _check_origin(payload, "results", "a trending list")
    listed = payload.get("results")
    if not isinstance(listed, list):
        raise unusable(API, "results")
    entries = [_popular(entry, medium) for entry in listed]
    if entries and not any(entry.id for entry in entries):
        raise unusable(API, "results.id")
    return entries


def parse_changes(payload: Any, page: int = 1) -> tuple[set[int], int]:
    """Read a page of the feed of changes: the ids that it names, and how many pages there are.

    Raises `Misrouted` when the answer is none of TMDB's, or another page than was asked for, `BadPayload` where it
    names nothing that can be read, or does not tell how many pages there are, or tells more than TMDB has of anything:
    what is not known to be whole is of no use. A page past the last one, where there are fewer by now, is empty.
    """
    _check_origin(payload, "results", "a feed of changes")
    listed, pages = payload.get("results"), read_count(payload.get("total_pages"))
    if not isinstance(listed, list):
        raise unusable(API, "results")
    if pages is None or pages > MOST_PAGES:
        raise unusable(API, "total_pages")
    if (told := read_count(payload.get("page"))) not in (None, page):
        raise Misrouted(API, f"page {page} of the feed of changes was asked for, and the answer is page {told}")
    ids = {number for entry in listed if isinstance(entry, Mapping) and (number := read_count(entry.get("id")))}
    is_past_the_last = page > max(pages, 1)
    is_empty = page == 1 and pages <= 1 and not read_count(payload.get("total_results"))
    if not ids and (listed or not (is_past_the_last or is_empty)):
        raise unusable(API, "results.id")
    return ids, pages


def _popular(entry: Any, medium: Medium) -> PopularTitle:
    try:
        read = TrendingPayload.model_validate(entry)
    except ValidationError:
        return PopularTitle(None, None, None)
    if read.media_type not in (None, medium.tmdb_path):
        return PopularTitle(None, None, None)
    released = getattr(read, medium.tmdb_released)
    return PopularTitle(read.id, _name(read, medium), read.popularity, tuple(read.genre_ids), released)


def _check_origin(payload: Any, essence: str, due: str) -> None:
    if not isinstance(payload, Mapping) or (essence not in payload and error_code(payload) is None):
        raise foreign(API, due)


def _name(raw: ListedPayload, medium: Medium) -> str | None:
    name: str | None = getattr(raw, medium.tmdb_name) or getattr(raw, f"original_{medium.tmdb_name}")
    return name


def _average(raw: ListedPayload) -> float | None:
    return None if raw.vote_count == 0 else raw.vote_average


def _came(payload: Mapping[str, Any], key: str, episode: Episode | None) -> bool:
    return episode is not None or (key in payload and payload[key] is None)


def _empty(payload: Mapping[str, Any], raw: DetailsPayload, medium: Medium) -> frozenset[str]:
    names = {name: name for name in _MAY_BE_EMPTY} | {medium.tmdb_released: "released"}
    found = {field for name, field in names.items() if name in payload and _says_none(payload[name])}
    if raw.posters is not None and _best_poster(raw.posters, _UKRAINIAN) is None:
        found.add("poster_uk_path")
    return frozenset(found)


def _says_none(value: Any) -> bool:
    """TMDB says that there is none by null, an empty text or 0; anything else that is unusable says nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or (type(value) is int and value == 0)


def _best_poster(posters: Iterable[PosterPayload], language: str) -> str | None:
    best = max(
        (poster for poster in posters if poster.iso_639_1 == language),
        key=lambda poster: (poster.vote_average or 0, poster.vote_count or 0),
        default=None,
    )
    return best.file_path if best else None


def _genres(genres: list[Genre] | None) -> list[Genre] | None:
    return None if genres is None else list({genre.id: genre for genre in reversed(genres)}.values())[::-1]


def _translations(
    entries: list[TranslationPayload] | None, medium: Medium, languages: Sequence[str]
) -> list[Translation] | None:
    if entries is None:
        return None
    return [
        Translation(
            entry.iso_639_1,
            entry.iso_3166_1,
            getattr(entry.data, medium.tmdb_name),
            entry.data.overview,
            entry.data.tagline,
        )
        for entry in entries
        if entry.iso_639_1 in languages
    ]


def _videos(entries: list[VideoPayload] | None, languages: Sequence[str]) -> list[Video] | None:
    if entries is None:
        return None
    found: dict[str, Video] = {}
    for entry in entries:
        locale = None if entry.iso_639_1 in _NEUTRAL else entry.iso_639_1
        if entry.site == "YouTube" and entry.type in _VIDEO_TYPES and (locale is None or locale in languages):
            video = Video(
                entry.key,
                entry.site,
                entry.type,
                entry.name,
                locale,
                entry.official,
                entry.published_at,
                entry.raw,
            )
            found.setdefault(entry.key, video)
    return sorted(found.values(), key=lambda video: _video_order(video, languages))


def _video_order(video: Video, languages: Sequence[str]) -> tuple[int, int, bool, float]:
    """By language (none last), trailers first, official ones first, the newest first: the site plays the first one."""
    language = len(languages) if video.locale is None else languages.index(video.locale)
    published = video.published_at.timestamp() if video.published_at else 0.0
    return language, _VIDEO_TYPES.index(video.type), not video.official, -published


def _providers(by_region: Mapping[str, RegionPayload | None] | None, regions: Iterable[str]) -> list[Provider] | None:
    if by_region is None:
        return None
    found: dict[tuple[str, str, int], Provider] = {}
    for region in regions:
        offered = by_region.get(region, RegionPayload())
        if offered is None:
            return None
        for category in CATEGORIES:
            for position, entry in enumerate(getattr(offered, category)):
                if entry.provider_name is None:
                    continue
                rank = position if entry.display_priority is None else entry.display_priority
                provider = Provider(
                    region,
                    category,
                    entry.provider_id,
                    entry.provider_name,
                    entry.logo_path,
                    offered.link,
                    rank,
                )
                found.setdefault((region, category, entry.provider_id), provider)
    return list(found.values())


def _content_ratings(raw: DetailsPayload, regions: Sequence[str]) -> dict[str, str] | None:
    rated = raw.release_dates if raw.content_ratings is None else raw.content_ratings
    if rated is None:
        return None
    found: dict[str, str] = {}
    for entry in rated:
        # Without its region, an entry may be about one that counts.
        if entry is None or (entry.iso_3166_1 in regions and entry.ratings is None):
            return None
        if entry.iso_3166_1 in regions and entry.ratings:
            found.setdefault(entry.iso_3166_1, entry.ratings[0])
    return found


def _cast(entries: list[PersonPayload] | None) -> list[CastMember] | None:
    if entries is None:
        return None
    found: dict[int, CastMember] = {}
    for position, entry in enumerate(entries):
        name = entry.name or entry.original_name
        if name is None:
            continue
        characters = [entry.character, *(role.character for role in entry.roles or ())]
        order = position if entry.order is None else entry.order
        member = found.setdefault(entry.id, CastMember(entry.id, name, [], entry.profile_path, order))
        member.roles.extend(dict.fromkeys(c for c in characters if c is not None and c not in member.roles))
    return list(found.values())[:CAST_SIZE]


def _recommendations(entries: list[ListedPayload] | None, own_id: int, medium: Medium) -> list[Recommendation] | None:
    if entries is None:
        return None
    found: dict[int, Recommendation] = {}
    for entry in entries:
        name = _name(entry, medium)
        # Ids of shows and of movies overlap: an entry of the other medium would point to a wrong title.
        if name is None or entry.id == own_id or entry.media_type not in (None, medium.tmdb_path):
            continue
        recommendation = Recommendation(
            id=entry.id,
            name=name,
            overview=entry.overview,
            poster_path=entry.poster_path,
            backdrop_path=entry.backdrop_path,
            vote_average=_average(entry),
            vote_count=entry.vote_count,
            popularity=entry.popularity,
            released=getattr(entry, medium.tmdb_released),
        )
        found.setdefault(entry.id, recommendation)
    return list(found.values())
