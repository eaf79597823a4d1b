"""OMDb: its answers, all of them strings, and the client that asks for IMDb's and Metacritic's ratings.

How many calls a day may be spent, and when to ask again about a title without ratings, is not decided here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import RateLimit, Settings
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    Misrouted,
    NotFetched,
    NotFound,
    QuotaExhausted,
    SourceError,
)
from ratingo_pipelines.sources.http import ApiConfig, JsonApi, open_api
from ratingo_pipelines.sources.http.answer import HttpAnswer
from ratingo_pipelines.sources.http.statuses import said_by
from ratingo_pipelines.sources.lenient import (
    Part,
    Payload,
    Text,
    foreign,
    parse,
    read_count,
    read_float,
    read_text,
)

API = "OMDb"
COURTESY = RateLimit(50, 1)
"""OMDb states a quota a day but no rate (https://www.omdbapi.com/apikey.aspx); this is ours."""
KEPT = timedelta(days=7)
MALFORMED_RETRIES = 1
"""A body that is no JSON is OMDb's own fault as a rule and comes again (https://github.com/omdbapi/OMDb-API/issues/322),
and every call is counted."""


def _number(value: Any) -> float | None:
    """A number, also as `"8.7"` or `"1,234,567"`; `"N/A"` is none."""
    if isinstance(value, str):
        plain = value.strip().replace(",", "")
        return float(plain) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", plain) else None
    return read_float(value)


def _bounded(value: Any, largest: float) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= largest else None


def _count(value: Any) -> int | None:
    return read_count(_number(value))


Stars = Annotated[float | None, BeforeValidator(partial(_bounded, largest=10))]
Score = Annotated[float | None, BeforeValidator(partial(_bounded, largest=100))]


class SourceRatingPayload(Payload):
    """One of the `Ratings`: `{"Source": "Metacritic", "Value": "74/100"}`."""

    source: Text = Field(validation_alias="Source")
    value: Text = Field(validation_alias="Value")


class TitlePayload(Payload):
    """OMDb's answer for one title."""

    imdb_rating: Stars = Field(None, validation_alias="imdbRating")
    imdb_votes: Annotated[int | None, BeforeValidator(_count)] = Field(None, validation_alias="imdbVotes")
    metascore: Score = Field(None, validation_alias="Metascore")
    ratings: Part[SourceRatingPayload] = Field(None, validation_alias="Ratings")


@dataclass(frozen=True)
class OmdbRatings:
    """IMDb's average and votes and Metacritic's score (of 100); each None where OMDb says `N/A`.

    `from_cache` says that OMDb was not asked: the answer is an earlier one, at most a week old.
    """

    imdb_rating: float | None = None
    imdb_votes: int | None = None
    metacritic: float | None = None
    from_cache: bool = field(default=False, compare=False)


def parse_ratings(payload: Any, imdb_id: str) -> OmdbRatings:
    """Read the answer for the title with this IMDb id.

    Raises what `Response: False` stands for, and `Misrouted` for an answer that is no title's, or another title's.
    """
    refusal = read_refusal(payload)
    if refusal is not None:
        raise refusal
    if not isinstance(payload, Mapping) or not _is_answer(payload):
        raise foreign(API, "a title")
    if payload.get("imdbID") != imdb_id:
        raise Misrouted(API, f"{imdb_id} was asked for, and the answer is about {str(payload.get('imdbID'))[:20]}")
    raw = parse(API, TitlePayload, payload)
    scores = (entry.value.removesuffix("/100") for entry in raw.ratings or () if entry.source == "Metacritic")
    # Both scales begin at 1: a 0 is no rating.
    metacritic = raw.metascore or _bounded(next(scores, None), 100) or None
    return OmdbRatings(raw.imdb_rating or None, raw.imdb_votes, metacritic)


def _is_answer(payload: Mapping[Any, Any]) -> bool:
    if "Response" in payload:
        return str(payload["Response"]).lower() == "true"
    return bool(payload.keys() & {"imdbRating", "Metascore"})


_NO_SUCH_TITLE = ("incorrect imdb id", "invalid id")
"""OMDb's wordings for a title that it does not have, beside `Movie not found!`."""
_NOT_FETCHED = "error getting data"
"""About titles that are too obscure for OMDb, says its author: https://github.com/omdbapi/OMDb-API/issues/47."""


def read_refusal(payload: Any) -> SourceError | None:
    """What an answer with `Response: False` means; None for any other. The status tells nothing: 200 and 401 vary."""
    if not isinstance(payload, Mapping) or str(payload.get("Response")).lower() != "false":
        return None
    wording = read_text(payload.get("Error")) or "no reason given"
    said = wording.lower().rstrip(" .!")
    if said in _NO_SUCH_TITLE or said.endswith("not found"):
        return NotFound(API, f"has no such title ({wording})")
    if said == _NOT_FETCHED:
        return NotFetched(API, f"could not get the title's data ({wording})")
    if "limit" in said:
        return QuotaExhausted(API, next_utc_midnight(), f"today's requests are spent ({wording})")
    if "api key" in said:
        return AccessDenied(API, f"refuses the key ({wording}); set OMDB_API_KEY to a valid one, or leave it empty")
    return Misrouted(API, f"the answer is an error that says nothing about the title ({wording})")


def next_utc_midnight() -> datetime:
    """When the daily quota begins anew."""
    return datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)


def _worth_keeping(payload: Any, imdb_id: str) -> bool:
    """Errors are not worth keeping, nor is an answer without ratings: when to ask again is known elsewhere."""
    try:
        return parse_ratings(payload, imdb_id) != OmdbRatings()
    except SourceError:
        return False


class OmdbClient:
    """Asks OMDb. Every method raises only `SourceError`s."""

    def __init__(self, api: JsonApi) -> None:
        self.api = api

    def ratings(self, imdb_id: str, medium: Medium, *, bypass_cache: bool = False) -> OmdbRatings:
        """The ratings of the title with this IMDb id, at most a week old; `bypass_cache` asks anew.

        Raises `NotFound` where OMDb does not know it, `QuotaExhausted` until the next UTC midnight.
        """
        params = {"i": imdb_id, "type": medium.omdb_type}
        return self.api.read(
            "",
            params,
            parse=lambda answer: replace(parse_ratings(answer.payload, imdb_id), from_cache=answer.from_cache),
            max_age=KEPT,
            cache_if=partial(_worth_keeping, imdb_id=imdb_id),
            bypass_cache=bypass_cache,
        )


def _diagnose(answer: HttpAnswer) -> SourceError | None:
    """What an error of OMDb's means; it answers with 200, and with 401 about keys and quotas."""
    status = answer.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    try:
        refusal = read_refusal(answer.json)
    except ValueError:
        refusal = None
    if refusal is not None and not isinstance(refusal, Misrouted):
        return refusal
    # With such a status another wording is about the key.
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS):
        return None
    return Misrouted(API, f"the answer is one that OMDb never gives ({said_by(answer)})")


def open_omdb(settings: Settings) -> OmdbClient | None:
    """Open the client; None when no key is configured. Raises `AccessDenied` where the key is none."""
    if settings.omdb_api_key is None:
        return None
    config = ApiConfig(
        name=API,
        base_url=settings.omdb_base_url,
        windows=(COURTESY,),
        secret_params={"apikey": settings.omdb_api_key},
        key_variable="OMDB_API_KEY",
        malformed_retries=MALFORMED_RETRIES,
    )
    return OmdbClient(open_api(settings, config, _diagnose))
