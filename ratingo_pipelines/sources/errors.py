"""What can go wrong with an upstream API, as types that say whether to try again.

    SourceError            what it means                                    what it leads to
    |- SourceUnavailable   down, unreachable or failing, in all attempts    the title waits, and spends no attempt
    |  '- CircuitOpen      so for everybody, for longer than the cap        this API is left alone until `until`
    |- RateLimited         it wants a longer pause than the cap             this API is left alone until `until`
    |- QuotaExhausted      OMDb's requests of this UTC day are spent        this API is left alone until `until`
    |- AccessDenied        it refuses the key, account or machine           the run stops: somebody has to act
    |- Misrouted           not the API answered, or not to this question    the title waits; `variable` is to look at
    |- NotFound            the API itself says that it knows no such title  what that means is the caller's to decide
    |  '- NotFetched       OMDb could not get what it knows of a title      believed of a single title, not of everybody
    |- Rejected            it refuses this very request, and would again    the title's failure
    '- BadPayload          the answer cannot be read; `field` says where    the title's failure

What a request can be asked again for by itself has been asked again by then (`http/api.py`). Whether a failure that
many titles share is theirs or the source's is decided by who sees them all (`sync`).

Every message is one line without keys: what happened, and what to do. Turning an error into a failure row, a report's
line or Dagster's `Failure` happens elsewhere.
"""

from datetime import UTC, datetime
from typing import ClassVar

from ratingo_pipelines.sources.scrub import one_line


class SourceError(Exception):
    """Something an upstream API did; `api` is its name as people write it (`Trakt`)."""

    stops_api: ClassVar[bool] = False
    """Would asking this API for the next title now end the same way?"""
    stops_run: ClassVar[bool] = False
    """Is there no point in going on until somebody has acted?"""

    def __init__(self, api: str, message: str) -> None:
        super().__init__(f"{api}: {one_line(message)}")
        self.api = api


class SourceUnavailable(SourceError):
    """The API is down, unreachable or failing: try again later."""


class CircuitOpen(SourceUnavailable):
    """The API failed so often in a row that it is not asked again before `until` (UTC)."""

    stops_api = True

    def __init__(self, api: str, message: str, until: datetime) -> None:
        super().__init__(api, message)
        self.until = until


class RateLimited(SourceError):
    """The API wants a longer pause than a run waits for: try again at `until` (UTC)."""

    stops_api = True

    def __init__(self, api: str, until: datetime, reason: str = "it limits how often it is asked") -> None:
        super().__init__(api, f"{reason}; try again at {clock(until)}")
        self.until = until


class QuotaExhausted(SourceError):
    """The day's requests are spent: try again at `until` (UTC)."""

    stops_api = True

    def __init__(self, api: str, until: datetime, reason: str = "the daily quota is spent") -> None:
        super().__init__(api, f"{reason}; try again at {clock(until)}")
        self.until = until


class AccessDenied(SourceError):
    """The key is wrong, revoked or not allowed to do this; the message says what to do."""

    stops_api = True
    stops_run = True


class NotFound(SourceError):
    """The API does not know this title."""


class NotFetched(NotFound):
    """The API could not get what it knows of this title: believed of a single one, and of everybody its own fault."""


class Rejected(SourceError):
    """The API refuses this very request and would refuse it again."""

    def __init__(self, api: str, message: str, status: int) -> None:
        super().__init__(api, message)
        self.status = status


NOT_JSON = "body"
"""The `field` of an answer that is no JSON at all."""


class Misrouted(SourceError):
    """Something other than the API answered, or the API answered what it never answers: no title is at fault.

    A proxy's own 404, a redirect, a web page, JSON of some other service, an answer about another title. `variable` is
    the setting to look at.
    """

    def __init__(self, api: str, what: str) -> None:
        self.variable = f"{api.upper()}_BASE_URL"
        super().__init__(api, f"{what}; look at {self.variable}, and at proxies on the way to {api}")


class BadPayload(SourceError):
    """The answer is not what the API promises; `field` names the place, or is `NOT_JSON`."""

    def __init__(self, api: str, message: str, field: str = NOT_JSON) -> None:
        super().__init__(api, message)
        self.field = field


def clock(moment: datetime) -> str:
    """Return the time of day as messages show it: `14:05 UTC`, with the date unless it is within a day."""
    moment = moment.astimezone(UTC)
    near = abs((moment - datetime.now(UTC)).total_seconds()) < 12 * 3600
    return moment.strftime("%H:%M UTC" if near else "%Y-%m-%d %H:%M UTC")
