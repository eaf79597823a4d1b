"""One API client for all three APIs: limits, pauses, retries, circuit, cache and secrets.

`api.py` holds the client; the modules beside it are what it is composed of. What an API's answers mean lives with its
own client.
"""

from ratingo_pipelines.sources.http.api import ApiConfig, JsonAnswer, JsonApi
from ratingo_pipelines.sources.http.opening import open_api

__all__ = ["ApiConfig", "JsonAnswer", "JsonApi", "open_api"]
