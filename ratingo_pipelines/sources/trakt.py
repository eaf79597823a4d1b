"""Trakt: its answers, and the client that asks for what the world is watching.

Answers are read leniently: what an entry lacks is None. The entries of the lists and of the calendar keep their places,
however little of them can be read: how much of a list is usable tells whether it is to be believed, which is not judged
here. A related title that cannot be read is left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, AliasPath, BeforeValidator, ConfigDict, Field, model_validator

from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import RateLimit, Settings
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    Misrouted,
    NotFound,
    SourceError,
)
from ratingo_pipelines.sources.http import ApiConfig, JsonAnswer, JsonApi, open_api
from ratingo_pipelines.sources.http.answer import HttpAnswer
from ratingo_pipelines.sources.http.statuses import said_by
from ratingo_pipelines.sources.lenient import (
    OptionalCount,
    OptionalDate,
    OptionalId,
    OptionalImdbId,
    OptionalInstantText,
    OptionalRating,
    OptionalText,
    Payload,
    foreign,
    parse,
    parse_entries,
    read_count,
    read_float,
    read_instant,
    read_text,
    unusable,
)

API = "Trakt"
PAGE_SIZE = 250
"""Trakt's largest page; it clamps larger ones silently: https://github.com/trakt/trakt-api/issues/924, and pull request
925 there."""
CALENDAR_DAYS = 5
"""Days of the calendar in one request.

Trakt takes 33 at most (https://pub.dev/documentation/trakt_dart/latest/trakt_dart/Calendar-class.html), and times out
the sooner the more they are (https://github.com/trakt/trakt-api/issues/734). With all details of its shows a month is
nearly as large as the largest body that is read: ten days of it took more memory than all else."""
RELATED_SIZE = 12
BURST_PER_SECOND = 20


def _distribution(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    read = {read_count(bucket): read_count(count) for bucket, count in value.items()}
    kept = {b: count for b, count in read.items() if b in range(1, 11) and count is not None}
    return kept if kept or not value else None


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _score(value: Any) -> float | None:
    number = read_float(value)
    return number if number is not None and 0 < number <= 100 else None


class TraktTitle(Payload):
    """A show or movie; all is optional. `released` is an ISO date: a show's is local to where it airs."""

    model_config = ConfigDict(validate_by_name=True)

    trakt: OptionalId = Field(None, validation_alias=AliasPath("ids", "trakt"))
    slug: OptionalText = Field(None, validation_alias=AliasPath("ids", "slug"))
    imdb: OptionalImdbId = Field(None, validation_alias=AliasPath("ids", "imdb"))
    tmdb: OptionalId = Field(None, validation_alias=AliasPath("ids", "tmdb"))
    title: OptionalText = None
    year: OptionalId = None
    rating: OptionalRating = None
    votes: OptionalCount = None
    overview: OptionalText = None
    network: OptionalText = None
    released: OptionalDate = None

    @model_validator(mode="before")
    @classmethod
    def _date_of_first_airing(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and (aired := _local_date(value)):
            return {**value, "released": aired}
        return value


def _local_date(show: Mapping[Any, Any]) -> str | None:
    """The day of `first_aired`, an instant in UTC, where the show airs: the evening before, in America."""
    instant = read_instant(show.get("first_aired"))
    if instant is None:
        return None
    airs = show.get("airs")
    name = read_text(airs.get("timezone")) if isinstance(airs, Mapping) else None
    try:
        return instant.astimezone(ZoneInfo(name or "UTC")).date().isoformat()
    except (ZoneInfoNotFoundError, ValueError, OverflowError, OSError):
        return instant.date().isoformat()


class TraktRatings(Payload):
    """What voters say: Trakt's own (buckets 1..10 that came), and the IMDb and Metacritic figures it passes on.

    Those came with `extended` in July 2026, which nests the answer: https://github.com/trakt/trakt-api/issues/872.
    """

    model_config = ConfigDict(validate_by_name=True)

    rating: OptionalRating = Field(None, validation_alias=AliasChoices(AliasPath("trakt", "rating"), "rating"))
    votes: OptionalCount = Field(None, validation_alias=AliasChoices(AliasPath("trakt", "votes"), "votes"))
    distribution: Annotated[dict[int, int] | None, BeforeValidator(_distribution)] = Field(
        None, validation_alias=AliasChoices(AliasPath("trakt", "distribution"), "distribution")
    )
    imdb_rating: OptionalRating = Field(None, validation_alias=AliasPath("imdb", "rating"))
    imdb_votes: OptionalCount = Field(None, validation_alias=AliasPath("imdb", "votes"))
    metascore: Annotated[float | None, BeforeValidator(_score)] = Field(
        None, validation_alias=AliasPath("metascore", "rating")
    )


class CalendarEntry(Payload):
    """An episode to air; `first_aired` is an ISO 8601 instant in UTC. What cannot be read of it is None."""

    model_config = ConfigDict(validate_by_name=True)

    first_aired: OptionalInstantText = None
    season: OptionalCount = Field(None, validation_alias=AliasPath("episode", "season"))
    number: OptionalCount = Field(None, validation_alias=AliasPath("episode", "number"))
    episode_title: OptionalText = Field(None, validation_alias=AliasPath("episode", "title"))
    episode_type: OptionalText = Field(None, validation_alias=AliasPath("episode", "episode_type"))
    show: Annotated[TraktTitle, BeforeValidator(_mapping)] = TraktTitle()

    @property
    def is_whole(self) -> bool:
        """Whether it tells which episode airs and when."""
        return None not in (self.first_aired, self.season, self.number)


@dataclass(frozen=True)
class CalendarPiece:
    """What Trakt tells of some days of the calendar: entries, or the error in their place."""

    start: date
    days: int
    entries: tuple[CalendarEntry, ...] = ()
    error: SourceError | None = None

    @property
    def end(self) -> date:
        """The day after the last one."""
        return self.start + timedelta(days=self.days)


@dataclass(frozen=True)
class TrendingEntry:
    """A place in the trending list: how many are watching now; None when that is unreadable, which is not nobody."""

    watchers: int | None
    title: TraktTitle


@dataclass(frozen=True)
class MonthlyEntry:
    """A place among the most watched of a month: how many watched in it; None when that is unreadable."""

    watcher_count: int | None
    title: TraktTitle


def parse_trending(payload: Any, medium: Medium) -> list[TrendingEntry]:
    """Read one page of the trending list: as many entries as came."""
    return [_trending_entry(entry, medium) for entry in _list(payload)]


def _trending_entry(entry: Any, medium: Medium) -> TrendingEntry:
    title = TraktTitle.model_validate(_mapping(_mapping(entry).get(medium.singular)))
    return TrendingEntry(read_count(_mapping(entry).get("watchers")), title)


def parse_monthly(payload: Any, medium: Medium) -> list[MonthlyEntry]:
    """Read the list of a month: as many entries as came; raise `BadPayload` where none of them is usable."""
    found = []
    for each in _list(payload):
        entry = _mapping(each)
        title = TraktTitle.model_validate(_mapping(entry.get(medium.singular)))
        found.append(MonthlyEntry(read_count(entry.get("watcher_count")), title))
    if found and not any(entry.watcher_count is not None and entry.title.trakt is not None for entry in found):
        raise unusable(API, "watched.monthly")
    return found


def parse_ratings(payload: Any) -> TraktRatings:
    """Read ratings, flat or nested. An empty list is Trakt's other way to say that it does not know the title.

    Raises `NotFound`, `Misrouted` where these are no ratings, `BadPayload` where none can be read.
    """
    if payload == []:
        raise NotFound(API, "has no ratings of this title")
    if not isinstance(payload, Mapping) or not payload.keys() & {"trakt", "rating", "votes", "distribution"}:
        raise foreign(API, "the ratings of a title")
    ratings = parse(API, TraktRatings, payload)
    own = payload.get("trakt", payload)
    figures = [own.get(name) for name in ("rating", "votes", "distribution")] if isinstance(own, Mapping) else [own]
    if ratings == TraktRatings() and any(figures):
        raise unusable(API, "ratings.rating")
    return ratings


def parse_related(payload: Any) -> list[TraktTitle]:
    """Read related titles, without those that are unusable; raise `BadPayload` where all are."""
    entries = parse_entries(API, TraktTitle, _list(payload), "related")
    if entries and not any(title.trakt or title.slug or title.imdb or title.tmdb for title in entries):
        raise unusable(API, "related.ids")
    return entries


def parse_calendar(payload: Any) -> list[CalendarEntry]:
    """Read a calendar: as many entries as came; raise `BadPayload` where none of them tells of an episode."""
    entries = [CalendarEntry.model_validate(_mapping(entry)) for entry in _list(payload)]
    if entries and not any(entry.is_whole for entry in entries):
        raise unusable(API, "calendar")
    return entries


def _list(payload: Any) -> list[Any]:
    if not isinstance(payload, list):
        raise foreign(API, "a list")
    return payload


class TraktClient:
    """Asks Trakt. Every method raises only `SourceError`s.

    Every answer is Trakt's own, asked for now: our cache saves at most the body of one that Trakt has just confirmed
    (304), and with `bypass_cache` not even that.
    """

    def __init__(self, api: JsonApi) -> None:
        self.api = api

    def trending(self, medium: Medium, limit: int, *, bypass_cache: bool = False) -> list[TrendingEntry]:
        """The first `limit` entries of the trending list, in its order; a title may be listed twice."""
        found: list[TrendingEntry] = []
        seen: set[int | None] = {None}
        size = min(limit, PAGE_SIZE)
        page = 1
        while True:
            params = {"extended": "full", "page": page, "limit": size}
            entries, headers = self.api.read(
                f"/{medium.plural}/trending",
                params,
                parse=lambda answer: _trending_page(answer, medium),
                bypass_cache=bypass_cache,
            )
            last = _is_last(page, len(entries), headers)
            named = {entry.title.trakt for entry in entries}
            if last is None and page > 1 and named <= seen:
                # Nothing says where the list ends: a server that ignores `page` gives one page for ever.
                return found
            found += entries
            seen |= named
            if len(found) >= limit or not entries or last:
                return found[:limit]
            page += 1

    def watched_monthly(self, medium: Medium, month: date, *, bypass_cache: bool = False) -> list[MonthlyEntry]:
        """The most watched titles of the month that begins on `month`: one page.

        Raises `NotFound` where Trakt has no such list.
        """
        path = f"/{medium.plural}/watched/monthly/{month.replace(day=1).isoformat()}"
        params = {"page": 1, "limit": PAGE_SIZE}
        return self.api.read(
            path, params, parse=lambda answer: parse_monthly(answer.payload, medium), bypass_cache=bypass_cache
        )

    def ratings(self, medium: Medium, trakt_id: int | str, *, bypass_cache: bool = False) -> TraktRatings:
        """The ratings of the title with this id or slug. Raises `NotFound` where Trakt has none."""
        path = _path(medium, trakt_id, "ratings")
        return self.api.read(
            path,
            {"extended": "all"},
            parse=lambda answer: parse_ratings(answer.payload),
            bypass_cache=bypass_cache,
        )

    def related(
        self, medium: Medium, trakt_id: int | str, limit: int = RELATED_SIZE, *, bypass_cache: bool = False
    ) -> list[TraktTitle]:
        """Titles related to the one with this id or slug, best first."""
        params = {"extended": "full", "limit": limit}
        path = _path(medium, trakt_id, "related")
        return self.api.read(
            path, params, parse=lambda answer: parse_related(answer.payload), bypass_cache=bypass_cache
        )

    def calendar(self, start: date, days: int) -> Iterator[CalendarPiece]:
        """The episodes of all shows that air on `days` days from `start` (UTC): asked for in pieces, as all is much.

        A piece that does not come carries its error; only what no piece would survive is raised.
        """
        for offset in range(0, days, CALENDAR_DAYS):
            yield self._calendar_piece(start + timedelta(days=offset), min(CALENDAR_DAYS, days - offset))

    def _calendar_piece(self, start: date, days: int) -> CalendarPiece:
        path = f"/calendars/all/shows/{start.isoformat()}/{days}"
        try:
            entries = self.api.read(path, {"extended": "full"}, parse=lambda answer: parse_calendar(answer.payload))
        except SourceError as error:
            if error.stops_run:
                raise
            return CalendarPiece(start, days, error=error)
        return CalendarPiece(start, days, tuple(entries))


def _trending_page(answer: JsonAnswer, medium: Medium) -> tuple[list[TrendingEntry], Mapping[str, str]]:
    entries = parse_trending(answer.payload, medium)
    if entries and not any(entry.title.trakt or entry.title.slug or entry.title.tmdb for entry in entries):
        raise unusable(API, "trending")
    return entries, answer.headers


def _path(medium: Medium, trakt_id: int | str, what: str) -> str:
    return f"/{medium.plural}/{quote(str(trakt_id), safe='')}/{what}"


def _is_last(page: int, entries: int, headers: Mapping[str, str]) -> bool | None:
    """Whether the list ends with this page; None where the headers do not tell."""
    pages = read_count(headers.get("X-Pagination-Page-Count"))
    if pages is not None:
        return page >= pages
    # A short page tells nothing by itself: the server may have clamped the size that was asked for.
    size = read_count(headers.get("X-Pagination-Limit"))
    return entries < size if size else None


# What the codes mean: https://trakt.docs.apiary.io/#introduction/status-codes. Applications of users who are no VIP
# were deleted in July 2026, and get 403 since: https://github.com/trakt/trakt-api/issues/897 and 902.
_REFUSED = {
    HTTPStatus.UNAUTHORIZED: "it refuses the key",
    HTTPStatus.FORBIDDEN: "it refuses the key: TRAKT_CLIENT_ID is wrong or revoked, or its application is not approved."
    " Since July 2026 applications need an active VIP membership: look at https://trakt.tv/oauth/applications",
    HTTPStatus.PRECONDITION_FAILED: "it refuses the request's content type or API version: look whether a proxy"
    " changes headers",
    420: "the account's limit is reached: look at the limits of the account the key belongs to",
    HTTPStatus.LOCKED: "the account the key belongs to is locked: ask Trakt's support to unlock it",
    HTTPStatus.UPGRADE_REQUIRED: "it gives this only to VIP members: renew the membership of the account the key"
    " belongs to",
}


_MAY_BE_UNKNOWN = re.compile(r"/(shows|movies)/([^/]+/(ratings|related)|watched/monthly/[^/]+)$")
"""The paths that Trakt may know nothing of; the others are always there."""


def _diagnose(answer: HttpAnswer) -> SourceError | None:
    status = answer.status
    if reason := _REFUSED.get(status):
        return AccessDenied(API, f"{reason} ({status})")
    if status not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return None
    if _MAY_BE_UNKNOWN.search(answer.where) and _is_empty_or_json(answer):
        return NotFound(API, f"{answer.where} is unknown ({said_by(answer)})")
    return Misrouted(API, f"{answer.where} was answered as Trakt never does ({said_by(answer)})")


def _is_empty_or_json(answer: HttpAnswer) -> bool:
    try:
        return not answer.body.strip() or answer.json is not None
    except ValueError:
        return False


def windows_of(limit: RateLimit) -> tuple[RateLimit, ...]:
    """The configured limit, and where its window is long, how much of it may be spent in one second.

    Trakt allows 500 GETs in 5 minutes: https://github.com/trakt/trakt-api/issues/909. How many at once it does not say.
    """
    if limit.seconds == 1:
        return (limit,)
    return limit, RateLimit(max(BURST_PER_SECOND, ceil(limit.requests / limit.seconds)), 1)


def not_asked() -> AccessDenied:
    """What is said where only Trakt can tell, and is not to be asked."""
    return AccessDenied(API, "it is not asked: set TRAKT_CLIENT_ID, and TRENDING_SOURCE to auto or trakt")


def open_trakt(settings: Settings) -> TraktClient | None:
    """Open the client with the configured key and limit; None where there is no key, or `TRENDING_SOURCE` is `tmdb`.

    Raises `AccessDenied` where the key is none.
    """
    key = settings.trakt_client_id
    if key is None or settings.trending_source == "tmdb":
        return None
    config = ApiConfig(
        name=API,
        base_url=settings.trakt_base_url,
        windows=windows_of(settings.trakt_rate_limit),
        headers={"trakt-api-version": "2", "Content-Type": "application/json"},
        secret_headers={"trakt-api-key": key},
        key_variable="TRAKT_CLIENT_ID",
    )
    return TraktClient(open_api(settings, config, _diagnose))
