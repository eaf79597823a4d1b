"""What an API is asked and what it answers: the few words the three APIs, the faults and the server share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


def dump(payload: Any) -> bytes:
    """Encode a payload as the APIs do: no spaces, text as it is."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def answer(payload: Any, status: int = 200, headers: Mapping[str, str | None] | None = None) -> Reply:
    """Answer with a payload."""
    return Reply(status, dump(payload), headers or {})
