"""`JsonApi`s for tests: no limits to speak of, quick retries, short time-outs; and a clock to hand them."""

from dataclasses import replace
from threading import Event
from typing import Any

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.http import ApiConfig, HttpConfig, JsonApi
from ratingo_pipelines.sources.http.api import Diagnose
from ratingo_pipelines.sources.http.limits import Clock

NO_LIMIT = (RateLimit(100_000, 1),)


IMPATIENT = HttpConfig(state_dir=None, cache=True, timeout_seconds=0.4, retry_after_cap_seconds=90, concurrency=16)


def config_of(url: str, **changes: Any) -> ApiConfig:
    quick: dict[str, Any] = {"windows": NO_LIMIT, "backoff_seconds": 0.01}
    return ApiConfig(**{"name": "Trakt", "base_url": url} | quick | changes)


def api_of(url: str, diagnose: Diagnose = lambda answer: None, clock: Clock | None = None, **changes: Any) -> JsonApi:
    """An API with changes to its own configuration and to how it is asked."""
    asked = {name: changes.pop(name) for name in list(changes) if hasattr(IMPATIENT, name)}
    return JsonApi(config_of(url, **changes), replace(IMPATIENT, **asked), diagnose, clock)


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
