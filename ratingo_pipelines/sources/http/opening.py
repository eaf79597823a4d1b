"""What the sessions of all three APIs take from the settings alike.

What is an API's own (keys, limits, headers) is said by its client's `open_...`.
"""

from collections.abc import Callable
from dataclasses import replace

from requests import Response

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.http.api import ApiConfig, JsonApi


def open_api(settings: Settings, config: ApiConfig, diagnose: Callable[[Response], SourceError | None]) -> JsonApi:
    """Open a session that keeps its state in `RATINGO_HOME` and has the configured patience."""
    configured = replace(
        config,
        state_dir=settings.home,
        cache=settings.http_cache,
        timeout_seconds=settings.http_timeout_seconds,
        retry_after_cap_seconds=settings.retry_after_cap_seconds,
        concurrency=settings.concurrency,
    )
    return JsonApi(configured, diagnose)
