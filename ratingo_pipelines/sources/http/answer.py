"""An answer as it came over the wire or out of the cache; what it means is said in `statuses.py` and by the clients."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MAX_BODY_BYTES = 20 * 1024 * 1024
"""The largest answer that is read, unpacked. Five days of Trakt's calendar with all details are a quarter of it."""


@dataclass(frozen=True)
class HttpAnswer:
    """A whole answer: its body has been read."""

    status: int
    headers: Mapping[str, str]
    """Found in upper and lower case alike."""
    body: bytes
    where: str
    """The path that was asked for, as messages name it: without the query, and so without keys."""
    from_cache: bool = False
    """Was the API not asked for it? One that it confirmed (304) counts as its own."""

    @property
    def text(self) -> str:
        """The body as text, whatever it holds."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body as JSON, read once; raises `ValueError`.

        Raw control characters in texts are let pass: OMDb sends them
        (https://github.com/omdbapi/OMDb-API/issues/53).
        """
        try:
            return json.loads(self.body, strict=False, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    @property
    def is_web_page(self) -> bool:
        """Is this a page for people, such as Cloudflare or a proxy puts in front of an API?

        An empty body or a bare word is none, whatever it calls itself: Trakt's own refusals are like that
        (https://github.com/trakt/trakt-api/issues/933).
        """
        begins = self.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        named = "html" in self.headers.get("Content-Type", "").lower() and begins.startswith(b"<")
        return named or begins.startswith((b"<!doctype html", b"<html"))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it contains {name}")
