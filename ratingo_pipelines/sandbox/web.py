"""What an API is, is asked and answers: the few words the APIs, the faults and the server share."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratingo_pipelines.sandbox.world import World

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Asked:
    """A request to one of the APIs: path below its base URL, query and headers (lower-case names)."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    def number(self, name: str, default: int) -> int:
        """Read a number from the query; what is none counts as not given."""
        value = self.query.get(name, "")
        return int(value) if value.isdecimal() else default


@dataclass(frozen=True)
class Reply:
    """A status, a body, and the headers beside content type, length and date; one that is None is not sent at all."""

    status: int
    body: bytes
    headers: Mapping[str, str | None] = field(default_factory=dict)
    content_type: str = JSON


@dataclass(frozen=True)
class StandIn:
    """One API as the sandbox plays it; `apis` lists them."""

    name: str
    path: str
    """Where its base URL points, below the sandbox's own."""
    key: str
    """The only one it accepts; opens nothing but the sandbox."""
    variables: Mapping[str, str]
    """What points this project at it, beside its base URL; rate limits included: it has none unless a fault does."""
    templates: tuple[tuple[str, re.Pattern[str]], ...]
    refusal: Callable[[Asked, str], Reply | None]
    """What it says to a request that is not entitled to an answer, given the key."""
    serve: Callable[[Asked, str, tuple[str, ...], World], Reply]
    has_etags: bool = False
    url_variable: str = ""
    """The variable that says where it is; as `TRAKT_BASE_URL` if empty."""
    file: str = ""
    """What that variable names below `path`."""

    def location(self, url: str) -> tuple[str, str]:
        """The variable that says where it is, and what it says for a sandbox at `url`."""
        return self.url_variable or f"{self.name.upper()}_BASE_URL", url + self.path + self.file


def dump(payload: Any) -> bytes:
    """Encode a payload as the APIs do: no spaces, text as it is."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def answer(payload: Any, status: int = 200, headers: Mapping[str, str | None] | None = None) -> Reply:
    """Answer with a payload."""
    return Reply(status, dump(payload), headers or {})
