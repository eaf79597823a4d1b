"""`JsonApi`s for tests: no limits to speak of, quick retries, short time-outs; and a clock to hand them."""

from threading import Event
from typing import Any

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.http import ApiConfig, JsonApi
from ratingo_pipelines.sources.http.api import Diagnose
from ratingo_pipelines.sources.http.limits import Clock

NO_LIMIT = (RateLimit(100_000, 1),)


def config_of(url: str, **changes: Any) -> ApiConfig:
    quick: dict[str, Any] = {"windows": NO_LIMIT, "timeout_seconds": 0.4, "backoff_seconds": 0.01}
    return ApiConfig(**{"name": "Trakt", "base_url": url} | quick | changes)


def api_of(url: str, diagnose: Diagnose = lambda answer: None, clock: Clock | None = None, **changes: Any) -> JsonApi:
    return JsonApi(config_of(url, **changes), diagnose, clock)


class HandedClock:
    """A clock that moves only when it is told to, or when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def steady(self) -> float:
        return self.now

    def milliseconds(self) -> int:
        return round(self.now * 1000)

    def wait(self, event: Event, seconds: float) -> None:
        self.now += seconds
