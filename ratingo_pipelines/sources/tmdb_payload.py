"""TMDB's answers as they come: the fields that are read, under TMDB's own names, for shows and movies alike.

What they mean for a title (which videos count, whose certification, the best poster) is decided in tmdb.py.
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
    clean_text,
)


def _regions(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    # An empty object arrives as an empty list at times.
    if value == [] or not isinstance(value, dict):
        return {} if value == [] else None
    kept = handler({clean_text(str(key)): item for key, item in value.items()})
    return None if value and not kept else kept


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
    provider_name: Text
    logo_path: OptionalText = None
    display_priority: OptionalCount = None


class RegionPayload(Payload):
    """Where to watch in one region."""

    link: OptionalText = None
    flatrate: Part[ProviderPayload] = None
    free: Part[ProviderPayload] = None
    ads: Part[ProviderPayload] = None
    rent: Part[ProviderPayload] = None
    buy: Part[ProviderPayload] = None


class ContentRatingPayload(Payload):
    """A show's rating in one region."""

    iso_3166_1: Text
    rating: OptionalText = None


class ReleasePayload(Payload):
    """One release of a movie; the certification is often empty."""

    certification: OptionalText = None


class RegionReleasesPayload(Payload):
    """A movie's releases in one region."""

    iso_3166_1: Text
    release_dates: Part[ReleasePayload] = None


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
    media_type: OptionalText = None
    overview: OptionalText = None
    poster_path: OptionalText = None
    backdrop_path: OptionalText = None
    first_air_date: OptionalDate = None
    release_date: OptionalDate = None
    vote_average: OptionalRating = None
    vote_count: OptionalCount = None
    popularity: OptionalFloat = None
    genre_ids: Part[Id] = None


class DetailsPayload(ListedPayload):
    """The answer for one title with everything appended; a part that did not come is None."""

    original_language: OptionalText = None
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
    providers: Annotated[dict[str, OnErrorOmit[RegionPayload]] | None, WrapValidator(_regions)] = Field(
        None, validation_alias=AliasPath("watch/providers", "results")
    )
    content_ratings: Part[ContentRatingPayload] = Field(None, validation_alias=AliasPath("content_ratings", "results"))
    release_dates: Part[RegionReleasesPayload] = Field(None, validation_alias=AliasPath("release_dates", "results"))
    aggregate_cast: Part[PersonPayload] = Field(None, validation_alias=AliasPath("aggregate_credits", "cast"))
    cast: Part[PersonPayload] = Field(None, validation_alias=AliasPath("credits", "cast"))
    posters: Part[PosterPayload] = Field(None, validation_alias=AliasPath("images", "posters"))
    recommendations: Part[ListedPayload] = Field(None, validation_alias=AliasPath("recommendations", "results"))
