"""TMDB's answers as they come: the fields that are read, under TMDB's own names, for shows and movies alike.

What they mean for a title (which videos count, whose certification, the best poster) is decided in tmdb_title.py.
"""

from typing import Annotated, Any

from pydantic import (
    AliasPath,
    BeforeValidator,
    Field,
    OnErrorOmit,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from ratingo_pipelines.sources.lenient import (
    Count,
    Id,
    OptionalCount,
    OptionalDate,
    OptionalFlag,
    OptionalFloat,
    OptionalId,
    OptionalImdbId,
    OptionalInstant,
    OptionalRating,
    OptionalText,
    Part,
    Payload,
    Spared,
    Text,
    clean_json,
    read_int,
    read_text,
)
from ratingo_pipelines.text import clean_text


def error_code(payload: Any) -> int | None:
    """The number of TMDB's own error, if the answer is one: https://developer.themoviedb.org/docs/errors."""
    return read_int(payload.get("status_code")) if isinstance(payload, dict) else None


def _regions(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    # An empty object arrives as an empty list at times.
    if value == [] or not isinstance(value, dict):
        return {} if value == [] else None
    kept = handler({clean_text(str(key)): {} if item == [] else item for key, item in value.items()})
    return None if value and not any(kept.values()) else kept


def _offers(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if value is None or value in ([], {}):
        return []
    kept = handler(value) if isinstance(value, list) else []
    if not kept:
        raise ValueError("no readable offer")
    return kept


def _rating_texts(value: Any) -> list[str] | None:
    """The rating as a list of one, empty where there is none; None when the value is unreadable."""
    if value is None:
        return []
    if not isinstance(value, str):
        return None
    text = read_text(value)
    return [] if text is None else [text]


def _certifications(value: Any) -> list[str] | None:
    """The certifications among a region's releases; None when no release is readable."""
    if value is None or value == []:
        return []
    if not isinstance(value, list):
        return None
    read = [_rating_texts(release.get("certification")) for release in value if isinstance(release, dict)]
    readable = [texts for texts in read if texts is not None]
    return [text for texts in readable for text in texts] if readable else None


def _with_raw(value: Any) -> Any:
    return {**value, "raw": clean_json(value)} if isinstance(value, dict) else value


class Genre(Payload):
    """A genre, named in the language that was asked for."""

    id: Id
    name: Text


class Season(Payload):
    """A season; number 0 holds the specials."""

    season_number: Count
    episode_count: OptionalCount = None


class Episode(Payload):
    """An episode's place in the show; `air_date` is an ISO date."""

    season_number: Count
    episode_number: Count
    air_date: OptionalDate = None


class TranslatedPayload(Payload):
    """The texts of one translation: `name` at shows, `title` at movies."""

    name: OptionalText = None
    title: OptionalText = None
    overview: OptionalText = None
    tagline: OptionalText = None


class TranslationPayload(Payload):
    """One of the title's translations."""

    iso_639_1: Text
    iso_3166_1: OptionalText = None
    data: TranslatedPayload


class VideoPayload(Payload):
    """A video, with the whole object it came as."""

    key: Text
    site: OptionalText = None
    type: OptionalText = None
    name: OptionalText = None
    iso_639_1: OptionalText = None
    official: OptionalFlag = None
    published_at: OptionalInstant = None
    raw: dict[str, Any]


class ProviderPayload(Payload):
    """A service that shows, rents or sells the title."""

    provider_id: Id
    provider_name: OptionalText = None
    logo_path: OptionalText = None
    display_priority: OptionalCount = None


Offers = Annotated[list[OnErrorOmit[ProviderPayload]], WrapValidator(_offers)]
"""The services of one category. Where entries came but none can be read, the whole region is unreadable."""


class RegionPayload(Payload):
    """Where to watch in one region."""

    link: OptionalText = None
    flatrate: Offers = Field(default_factory=list)
    free: Offers = Field(default_factory=list)
    ads: Offers = Field(default_factory=list)
    rent: Offers = Field(default_factory=list)
    buy: Offers = Field(default_factory=list)


class ContentRatingPayload(Payload):
    """A show's rating in one region: one text or none; None when it is unreadable."""

    iso_3166_1: Text
    ratings: Annotated[list[str] | None, BeforeValidator(_rating_texts)] = Field(None, validation_alias="rating")


class RegionReleasesPayload(Payload):
    """A movie's certifications in one region, as many as its releases have; None when they are unreadable."""

    iso_3166_1: Text
    ratings: Annotated[list[str] | None, BeforeValidator(_certifications)] = Field(
        None, validation_alias="release_dates"
    )


class RolePayload(Payload):
    """One of the roles of a person in a show."""

    character: OptionalText = None


class PersonPayload(Payload):
    """A member of the cast: `roles` at shows, `character` at movies."""

    id: Id
    name: OptionalText = None
    original_name: OptionalText = None
    character: OptionalText = None
    roles: Part[RolePayload] = None
    profile_path: OptionalText = None
    order: OptionalCount = None


class PosterPayload(Payload):
    """A poster in one language."""

    file_path: Text
    iso_639_1: OptionalText = None
    vote_average: OptionalFloat = None
    vote_count: OptionalCount = None


class ListedPayload(Payload):
    """What a title carries in details and in lists."""

    id: Id
    name: OptionalText = None
    title: OptionalText = None
    original_name: OptionalText = None
    original_title: OptionalText = None
    original_language: OptionalText = None
    media_type: OptionalText = None
    overview: OptionalText = None
    poster_path: OptionalText = None
    backdrop_path: OptionalText = None
    first_air_date: OptionalDate = None
    release_date: OptionalDate = None
    vote_average: OptionalRating = None
    vote_count: OptionalCount = None
    popularity: OptionalFloat = None


def _ids(value: Any) -> list[int]:
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []


class TrendingPayload(ListedPayload):
    """An entry of the trending list."""

    genre_ids: Annotated[list[int], BeforeValidator(_ids)] = Field(default_factory=list)


class DetailsPayload(ListedPayload):
    """The answer for one title with everything appended; a part that did not come is None.

    Where a region is None, something came about it that is unreadable.
    """

    status: OptionalText = None
    tagline: OptionalText = None
    runtime: OptionalId = None
    number_of_seasons: OptionalCount = None
    number_of_episodes: OptionalCount = None
    imdb_id: OptionalImdbId = None
    external_imdb_id: OptionalImdbId = Field(None, validation_alias=AliasPath("external_ids", "imdb_id"))
    genres: Part[Genre] = None
    seasons: Part[Season] = None
    last_episode_to_air: Spared[Episode] = None
    next_episode_to_air: Spared[Episode] = None
    translations: Part[TranslationPayload] = Field(None, validation_alias=AliasPath("translations", "translations"))
    videos: Part[Annotated[VideoPayload, BeforeValidator(_with_raw)]] = Field(
        None, validation_alias=AliasPath("videos", "results")
    )
    providers: Annotated[dict[str, Spared[RegionPayload]] | None, WrapValidator(_regions)] = Field(
        None, validation_alias=AliasPath("watch/providers", "results")
    )
    content_ratings: Part[Spared[ContentRatingPayload]] = Field(
        None, validation_alias=AliasPath("content_ratings", "results")
    )
    release_dates: Part[Spared[RegionReleasesPayload]] = Field(
        None, validation_alias=AliasPath("release_dates", "results")
    )
    aggregate_cast: Part[PersonPayload] = Field(None, validation_alias=AliasPath("aggregate_credits", "cast"))
    cast: Part[PersonPayload] = Field(None, validation_alias=AliasPath("credits", "cast"))
    posters: Part[PosterPayload] = Field(None, validation_alias=AliasPath("images", "posters"))
    recommendations: Part[ListedPayload] = Field(None, validation_alias=AliasPath("recommendations", "results"))
