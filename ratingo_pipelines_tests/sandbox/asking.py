"""The three APIs as a well-behaved client asks them; what is given replaces what it would send."""

from collections.abc import Mapping

import requests

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sandbox.process import RunningSandbox

TIMEOUT = 10
_SESSION = requests.Session()


def trakt(
    sandbox: RunningSandbox, path: str, headers: Mapping[str, str | None] | None = None, **query: object
) -> requests.Response:
    sent: dict[str, str | None] = {
        "trakt-api-key": sandbox.key_of("trakt"),
        "trakt-api-version": "2",
        "Content-Type": "application/json",
        "User-Agent": "ratingo-tests/1",
    }
    return _get(sandbox.url_of("trakt") + path, sent | dict(headers or {}), query)


def tmdb(
    sandbox: RunningSandbox, path: str, headers: Mapping[str, str | None] | None = None, **query: object
) -> requests.Response:
    sent: dict[str, str | None] = {"Authorization": f"Bearer {sandbox.key_of('tmdb')}"}
    return _get(sandbox.url_of("tmdb") + path, sent | dict(headers or {}), query)


def details(sandbox: RunningSandbox, medium: Medium, tmdb_id: int, **query: object) -> requests.Response:
    """The one call a title needs."""
    asked: dict[str, object] = {
        "append_to_response": ",".join(medium.tmdb_appended),
        "language": "en-US",
        "include_image_language": "uk,en,null",
        "include_video_language": "uk,en,null",
    }
    return tmdb(sandbox, f"/{medium.tmdb_path}/{tmdb_id}", None, **asked | query)


def omdb(sandbox: RunningSandbox, **query: object) -> requests.Response:
    return _get(sandbox.url_of("omdb") + "/", {}, {"apikey": sandbox.key_of("omdb")} | query)


def _get(url: str, headers: Mapping[str, str | None], query: Mapping[str, object]) -> requests.Response:
    # A header of None is not sent at all, not even the library's own.
    return _SESSION.get(url, headers=headers, params={k: str(v) for k, v in query.items()}, timeout=TIMEOUT)
