"""The one session every request goes through.

Here the parts are put together, in the order in which a request passes them: the cache (`cache.py`), the backoff that
an API can shut (`backoff.py`), the rate limits (`limits.py`), the wire (`transport.py`). What to make of an answer, and
when to ask again, is said in `http.py`.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from pathlib import Path
from threading import local
from typing import Any

import requests
from requests import PreparedRequest, Response
from requests_cache import CacheMixin
from requests_ratelimiter import LimiterMixin

from ratingo_pipelines.sources.http.backoff import Backoff, BackoffMixin
from ratingo_pipelines.sources.http.cache import open_cache
from ratingo_pipelines.sources.http.limits import RateLimiter
from ratingo_pipelines.sources.http.transport import KeyedAdapter

USER_AGENT = f"ratingo-pipelines/{version('ratingo-pipelines')} (+https://ratingo.top)"

_log = logging.getLogger(__name__)


class ApiSession(CacheMixin, BackoffMixin, LimiterMixin, requests.Session):  # type: ignore[misc]
    """One API's session, for all threads. Requests come without keys; the adapter adds them."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        adapter: KeyedAdapter,
        backoff: Backoff,
        limiter: RateLimiter,
        cache_dir: Path | None,
    ) -> None:
        self.backoff = backoff
        self._accept = local()
        self._caching = cache_dir is not None
        super().__init__(
            limiter=limiter,
            # One bucket a session, and refusals are the backoff's business.
            per_host=False,
            limit_statuses=(),
            filter_fn=self._worth_keeping,
            key_fn=_cache_key,
            backend=open_cache(cache_dir),
        )
        self.headers.clear()
        self.headers["User-Agent"] = USER_AGENT
        self.headers["Accept"] = "application/json"
        self.headers["Accept-Encoding"] = "gzip, deflate"
        self.headers.update(headers)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        # Proxies and certificates are taken from the environment, once. A .netrc is not: it would replace the key.
        self._wire: dict[str, Any] = {
            **self.merge_environment_settings(base_url, {}, True, None, None),
            "allow_redirects": False,
        }
        self.trust_env = False

    def fetch(
        self,
        request: PreparedRequest,
        max_age: timedelta | None,
        cache_if: Callable[[Any], bool],
        bypass_cache: bool = False,
    ) -> Response:
        """Return the answer, an earlier one if there is one not older than `max_age`; raises `TransportError`.

        When the API is asked, it is told the ETag of its last answer, if it gave one. With `bypass_cache` it is asked
        in any case, as if for the first time, and its answer kept for `max_age`. Answers whose payload `cache_if`
        refuses are not kept.
        """
        if self._caching:
            self._accept.payload = cache_if
            try:
                return self._fetch_through_cache(request, max_age, bypass_cache)
            except sqlite3.Error as error:
                _log.warning("The HTTP cache does not work (%s); asking without it", error)
        response: Response = super(CacheMixin, self).send(request.copy(), **self._wire)
        return response

    def get_redirect_target(self, resp: Response) -> None:
        """Follow no redirects: they would carry the key to wherever they lead."""

    def _fetch_through_cache(self, request: PreparedRequest, max_age: timedelta | None, bypass_cache: bool) -> Response:
        options = {"expire_after": max_age or 0, **self._wire}
        response = self.send(request.copy(), refresh=max_age is None, force_refresh=bypass_cache, **options)
        if is_kept(response) and (max_age is None or response.created_at < datetime.now(UTC) - max_age):
            # Put there by a caller who lets answers grow older, and without an ETag to ask about it.
            response = self.send(request.copy(), force_refresh=True, **options)
        return response

    def _worth_keeping(self, response: Response) -> bool:
        if getattr(response, "from_cache", False):
            return True
        if response.status_code != 200:
            return False
        try:
            return bool(self._accept.payload(parse(response)))
        except ValueError:
            return False


def is_kept(response: Response) -> bool:
    """Was the API not asked for this answer?"""
    return getattr(response, "from_cache", False) and not getattr(response, "revalidated", False)


def parse(response: Response) -> Any:
    """Return the JSON body; raises `ValueError`. Raw control characters in texts, which OMDb sends, are let pass."""
    if not hasattr(response, "payload"):
        try:
            payload = json.loads(response.content, strict=False, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        vars(response)["payload"] = payload
    return vars(response)["payload"]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it contains {name}")


def _cache_key(request: PreparedRequest, **_: object) -> str:
    # The library's own normalises the URL and hashes headers, for several times the cost.
    return f"{request.method} {request.url}"
