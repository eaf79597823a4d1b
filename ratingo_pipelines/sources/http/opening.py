"""What the sessions of all three APIs take from the settings alike.

What is an API's own (keys, limits, headers) is said by its client's `open_...`.
"""

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import AccessDenied
from ratingo_pipelines.sources.http.api import ApiConfig, Diagnose, HttpConfig, JsonApi
from ratingo_pipelines.sources.scrub import SHORTEST_KEY


def open_api(settings: Settings, config: ApiConfig, diagnose: Diagnose) -> JsonApi:
    """Open a session that keeps its state in `RATINGO_HOME` and has the configured patience.

    Raises `AccessDenied` for a key that cannot be one of the API's.
    """
    own_url = Settings.model_fields[f"{config.name.lower()}_base_url"].default
    if config.base_url.rstrip("/") == own_url and any(len(key) < SHORTEST_KEY for key in config.keys):
        # A short key is no secret, and could not be kept out of messages either: it is found in many a word.
        raise AccessDenied(
            config.name,
            f"{config.key_variable} has fewer than {SHORTEST_KEY} characters, as no key of it has; copy it again",
        )
    http = HttpConfig(
        state_dir=settings.home,
        cache=settings.http_cache,
        timeout_seconds=settings.http_timeout_seconds,
        retry_after_cap_seconds=settings.retry_after_cap_seconds,
        concurrency=settings.concurrency,
    )
    return JsonApi(config, http, diagnose)
