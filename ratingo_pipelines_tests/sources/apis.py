"""`JsonApi`s for tests: no limits to speak of, quick retries, short time-outs."""

from collections.abc import Callable
from typing import Any

from requests import Response

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.http import ApiConfig, JsonApi

NO_LIMIT = (RateLimit(100_000, 1),)


def config_of(url: str, **changes: Any) -> ApiConfig:
    quick: dict[str, Any] = {"windows": NO_LIMIT, "timeout_seconds": 0.4, "backoff_seconds": 0.01}
    return ApiConfig(**{"name": "Trakt", "base_url": url} | quick | changes)


def api_of(
    url: str, diagnose: Callable[[Response], SourceError | None] = lambda response: None, **changes: Any
) -> JsonApi:
    return JsonApi(config_of(url, **changes), diagnose)
