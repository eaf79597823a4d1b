"""Faults: what goes wrong between a client and an API, when and for whom; reproducible in whatever order it is asked.

A fault is a JSON object. All may carry, each of them narrowing it down:

- `api`: `trakt`, `tmdb` or `omdb` (all of them by default)
- `endpoint`: a pattern of the path below the base URL or of the endpoint's template: `/tv/*`, `/{medium}/{id}/ratings`
- `ids`: only requests for these ids (Trakt's at Trakt, TMDB's at TMDB, IMDb's at OMDb)
- `probability`: 0 to 1, drawn from `seed` (0), the URL and how many times it was asked: not from the order
- `times`: so many times at most

and has a `kind`:

| kind | what happens | options (default) |
|---|---|---|
| `latency` | the answer comes later; several add up | `ms` (100), `jitter`: up to so many ms more or less (0) |
| `status` | an error of the server's | `status` (503): one or a list to draw from; `retry_after`: seconds |
| `fail` | the ids fail for good, or for `times` | `status` (500), `ids` |
| `storm` | an error for a part of each period | `on` (4), `every` (20), `status` (429), `retry_after` (429: its end) |
| `enforce` | a real limit in a sliding window, 429 past it | `limit`: `500/300` requests/seconds |
| `cloudflare` | Cloudflare's HTML in the API's place | `status` (429 with Retry-After 300; or 403), `retry_after` |
| `hang` | no answer; the connection stays open | `seconds` (3600) |
| `reset` | the connection is reset | – |
| `cut` | the connection is closed within the body | – |
| `gzip` | a gzip body that ends too early | – |
| `html` | an HTML page with status 200 | – |
| `malformed` | JSON that breaks off | – |
| `types` | JSON whose values have other types | `field`: only fields of this name |
| `drip` | the body comes in small pieces | `seconds` (5), `pieces` (20) |
| `omdb_limit` | OMDb's daily limit: 401 after so many answers | `limit` (0) |
| `revoked` | the key no longer counts | – |
| `answer` | another answer in the API's place | `status` (200), `body` ({}), `content_type`, `headers` |
| `edit` | a JSON answer with status 200 has other fields | `set`: {path: value}, `drop`: [path], `headers` |
| `list` | an answer that is a list has other entries | see below |
| `lie` | the same wrong answer for everybody | `name`: one of those in lies.py, which this kind stands for |

- `answer`: `body` is any JSON value, or a text that is sent as it is; `content_type` is `application/json`.
- `edit`: paths are those of `edits.edit`: `genres`, `watch/providers.results.UA`, `*.show.ids.tmdb`.
- `list`: `keep`: the first n entries alone; `nulls`: so many entries (5: five; 0.5: half of them) bring nothing but
  nulls; `without_ids`: so many lack their TMDB id; `repeat`: all are the first one; `zero_watchers`; `empty`.
- `headers` are added to what is answered; one that is null is not sent, not even `Date`.

Of several faults that would each answer a request the first one does. `edit` and `list` change what is answered, as if
the API itself had said it, ETag and 304 included; those that spoil a body spoil what is sent.
"""

import gzip
import json
import math
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from ratingo_pipelines.sandbox import dice, omdb, tmdb, trakt
from ratingo_pipelines.sandbox.apis import APIS
from ratingo_pipelines.sandbox.edits import change_list, edit
from ratingo_pipelines.sandbox.lies import LIES
from ratingo_pipelines.sandbox.web import Asked, Reply, answer, dump

CHANGING = ("edit", "list")
SPOILING = ("cut", "gzip", "malformed", "types", "drip")
_OPTIONS: dict[str, dict[str, Any]] = {
    "latency": {"ms": 100, "jitter": 0},
    "status": {"status": 503, "retry_after": None},
    "fail": {"status": 500},
    "storm": {"on": 4, "every": 20, "status": 429, "retry_after": None},
    "enforce": {"limit": "500/300"},
    "cloudflare": {"status": 429, "retry_after": 300},
    "hang": {"seconds": 3600},
    "reset": {},
    "cut": {},
    "gzip": {},
    "html": {},
    "malformed": {},
    "types": {"field": None},
    "drip": {"seconds": 5, "pieces": 20},
    "omdb_limit": {"limit": 0},
    "revoked": {},
    "answer": {"status": 200, "body": {}, "content_type": "application/json", "headers": {}},
    "edit": {"set": {}, "drop": [], "headers": {}},
    "list": {"keep": None, "nulls": 0, "without_ids": 0, "repeat": False, "zero_watchers": False, "empty": False},
}
_TYPES: dict[str, tuple[Any, str]] = {
    "content_type": (str, "a text"),
    "headers": (dict, "an object"),
    "set": (dict, "an object of paths and values"),
    "drop": (list, "a list of paths"),
    "keep": (int | None, "a number of entries"),
    "nulls": (int | float, "a number of entries, or a fraction of them"),
    "without_ids": (int | float, "a number of entries, or a fraction of them"),
}
_COMMON = {"kind": None, "api": None, "endpoint": None, "ids": None, "probability": 1.0, "seed": 0, "times": None}
_HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back in a minute.</body></html>"


class FaultError(ValueError):
    """A fault that cannot be set; the message says why."""


@dataclass
class Fault:
    """One fault and what it has done so far."""

    kind: str
    options: dict[str, Any]
    api: str | None
    endpoint: str | None
    ids: frozenset[str] | None
    probability: float
    seed: int
    times: int | None
    since: float
    hits: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    admitted: deque[float] = field(default_factory=deque)

    @classmethod
    def parse(cls, given: Any, now: float) -> "Fault":
        """Read a fault, or raise `FaultError`."""
        kind = given.get("kind") if isinstance(given, dict) else None
        if kind not in _OPTIONS:
            raise FaultError(f"kind must be one of {', '.join(_OPTIONS)} or lie, not {kind!r}")
        unknown = given.keys() - _COMMON.keys() - _OPTIONS[kind].keys()
        if unknown:
            raise FaultError(f"{kind} knows no {', '.join(sorted(unknown))}")
        common = _COMMON | {name: given[name] for name in _COMMON if name in given}
        if common["api"] not in (None, *APIS):
            raise FaultError(f"api must be one of {', '.join(APIS)}, not {common['api']!r}")
        options = {name: given.get(name, default) for name, default in _OPTIONS[kind].items()}
        if kind == "enforce" and not re.fullmatch(r"[1-9]\d*/[1-9]\d*", str(options["limit"])):
            raise FaultError(f"limit must be REQUESTS/SECONDS, not {options['limit']!r}")
        for name in options.keys() & _TYPES.keys():
            types, wanted = _TYPES[name]
            if not isinstance(options[name], types):
                raise FaultError(f"{name} must be {wanted}, not {options[name]!r}")
        ids = common["ids"]
        return cls(
            kind=kind,
            options=options,
            api="omdb" if kind == "omdb_limit" else common["api"],
            endpoint=common["endpoint"],
            ids=None if ids is None else frozenset(str(one) for one in ids),
            probability=float(common["probability"]),
            seed=common["seed"],
            times=common["times"],
            since=now,
        )

    def strikes(self, call: "Call") -> bool:
        """Decide whether the fault happens to this request, and remember that it was asked."""
        if self.api not in (None, call.api) or (self.times is not None and self.hits >= self.times):
            return False
        if self.endpoint and not any(
            fnmatchcase(name, self.endpoint) or name == self.endpoint for name in (call.asked.path, call.template)
        ):
            return False
        if self.ids is not None and not self.ids & call.ids:
            return False
        self.asked[call.url] += 1
        if self.probability < 1 and not self._draw(call):
            return False
        if self.kind == "storm" and (call.now - self.since) % self.options["every"] >= self.options["on"]:
            return False
        if self.kind == "enforce" and self._admits(call.now):
            return False
        self.hits += 1
        return not (self.kind == "omdb_limit" and self.hits <= self.options["limit"])

    def _draw(self, call: "Call") -> bool:
        return dice.chance(self.probability, self.seed, self.kind, call.url, self.asked[call.url])

    def _admits(self, now: float) -> bool:
        limit, seconds = (int(part) for part in self.options["limit"].split("/"))
        while self.admitted and self.admitted[0] <= now - seconds:
            self.admitted.popleft()
        if len(self.admitted) >= limit:
            return False
        self.admitted.append(now)
        return True

    def delay(self, call: "Call") -> float:
        """Seconds of latency."""
        off = 2 * dice.fraction(self.seed, "latency", call.url, self.asked[call.url]) - 1
        milliseconds: float = self.options["ms"] + off * self.options["jitter"]
        return max(0.0, milliseconds) / 1000

    def answer(self, call: "Call") -> Reply | None:
        """What the fault answers in the API's place; None for a fault that answers nothing."""
        if self.kind == "status":
            choices = self.options["status"] if isinstance(self.options["status"], list) else [self.options["status"]]
            drawn = dice.pick(choices, self.seed, "status", call.url, self.asked[call.url])
            return refusal(call.api, drawn, self.options["retry_after"])
        if self.kind == "fail":
            return refusal(call.api, self.options["status"])
        if self.kind == "storm":
            left = math.ceil(self.options["on"] - (call.now - self.since) % self.options["every"])
            status, retry_after = self.options["status"], self.options["retry_after"]
            return refusal(call.api, status, retry_after or (left if status == HTTPStatus.TOO_MANY_REQUESTS else None))
        if self.kind == "enforce":
            _, seconds = (int(part) for part in self.options["limit"].split("/"))
            return refusal(call.api, 429, math.ceil(self.admitted[0] + seconds - call.now))
        if self.kind == "cloudflare":
            found = trakt.cloudflare(self.options["status"])
            changed = {"Retry-After": str(self.options["retry_after"])} if found.status == 429 else {}
            return Reply(found.status, found.body, {**found.headers, **changed}, found.content_type)
        if self.kind == "html":
            return Reply(200, _HTML, {}, "text/html; charset=utf-8")
        if self.kind == "omdb_limit":
            return answer(omdb.EXHAUSTED, 401)
        if self.kind == "revoked":
            return refusal(call.api, 403 if call.api == "trakt" else 401)
        if self.kind == "answer":
            body = self.options["body"]
            encoded = body.encode() if isinstance(body, str) else dump(body)
            return Reply(self.options["status"], encoded, self.options["headers"], self.options["content_type"])
        return None

    def change(self, found: Reply, asked: Asked) -> Reply:
        """Change what an answer with status 200 says, as if the API had said it."""
        payload = _payload(found) if found.status == HTTPStatus.OK else None
        if self.kind == "edit" and payload is not None:
            edit(payload, self.options["set"], self.options["drop"])
            return Reply(found.status, dump(payload), {**found.headers, **self.options["headers"]}, found.content_type)
        if self.kind == "list" and isinstance(payload, list):
            skipped = (max(1, asked.number("page", 1)) - 1) * asked.number("limit", 0)
            changed = change_list(payload, self.options, skipped)
            return Reply(found.status, dump(changed), found.headers, found.content_type)
        return found

    def spoil(self, found: Reply) -> Reply:
        """Spoil the body of an answer whose connection stays whole, if it has one."""
        if not found.body:
            return found
        if self.kind == "gzip":
            packed = gzip.compress(found.body, mtime=0)
            return Reply(found.status, packed[: len(packed) * 2 // 3], {**found.headers, "Content-Encoding": "gzip"})
        if self.kind == "malformed":
            return Reply(found.status, found.body[: len(found.body) * 2 // 3] + b'"\\u00', found.headers)
        if self.kind == "types" and (payload := _payload(found)) is not None:
            return Reply(found.status, dump(_mistype(payload, self.options["field"])), found.headers)
        return found

    def report(self) -> dict[str, Any]:
        """The fault as it was set, and how often it struck."""
        common = {name: getattr(self, name) for name in _COMMON if getattr(self, name) is not None}
        return common | {"ids": sorted(self.ids) if self.ids is not None else None} | self.options | {"hits": self.hits}


@dataclass(frozen=True)
class Call:
    """A request as faults see it; `url` is without keys, `now` in seconds of a steady clock."""

    api: str
    template: str
    ids: frozenset[str]
    url: str
    asked: Asked
    now: float


def parse(given: Any, now: float) -> list[Fault]:
    """Read faults: one, a list, `{"faults": [...], "seed": n}`, or short `{"enforce": {"trakt": "500/300"}}`.

    Raises `FaultError` for what is none of these.
    """
    if isinstance(given, list):
        return [Fault.parse(fault, now) for one in given for fault in _told(one)]
    if isinstance(given, dict) and "kind" not in given:
        unknown = given.keys() - {"faults", "seed", "enforce", "add"}
        if unknown:
            raise FaultError(f"a fault has a kind; nothing is known of {', '.join(sorted(unknown))}")
        faults, enforced = given.get("faults", []), given.get("enforce", {})
        if not isinstance(faults, list) or not isinstance(enforced, dict):
            raise FaultError('faults is a list, and enforce an object such as {"trakt": "500/300"}')
        listed = [{"seed": given.get("seed", 0), **one} for one in faults]
        listed += [{"kind": "enforce", "api": api, "limit": limit} for api, limit in enforced.items()]
        return parse(listed, now)
    return parse([given], now)


def _told(given: Any) -> list[Any]:
    """The faults that a lie stands for, narrowed down as it is; any other fault is itself."""
    if not isinstance(given, dict) or given.get("kind") != "lie":
        return [given]
    if given.get("name") not in LIES:
        raise FaultError(f"name must be one of {', '.join(LIES)}, not {given.get('name')!r}")
    narrowed = {name: value for name, value in given.items() if name not in ("kind", "name")}
    return [{**fault, **narrowed} for fault in LIES[given["name"]]]


def refusal(api: str, status: int, retry_after: int | None = None) -> Reply:
    """Word an error as the API does."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if api == "tmdb":
        code, message = {
            401: (7, "Invalid API key: You must be granted a valid key."),
            404: (34, "The resource you requested could not be found."),
            429: (25, "Your request count (41) is over the allowed limit of (40)."),
            504: (24, "Your request to the backend server timed out. Try again."),
        }.get(status, (11, "Internal error: Something went wrong, contact TMDb."))
        found = tmdb.error(status, code, message)
    elif api == "omdb":
        found = answer(
            omdb.WRONG_KEY if status == 401 else {"Response": "False", "Error": "Error getting data."}, status
        )
    else:
        found = Reply(status, b"", {}, "text/html")
        if status == 429:
            limits = {"name": "UNAUTHED_API_GET_LIMIT", "period": 300, "limit": 500, "remaining": 0}
            headers["X-Ratelimit"] = json.dumps(limits)
    return Reply(found.status, found.body, {**found.headers, **headers}, found.content_type)


def _payload(found: Reply) -> Any:
    """What the body says; None where it is no JSON, such as one that another fault has spoilt."""
    try:
        return json.loads(found.body)
    except ValueError:
        return None


def _mistype(value: Any, field_name: str | None, depth: int = 0) -> Any:
    """Swap types down to the third level: words for numbers, objects for texts and lists."""
    if field_name is not None:
        if isinstance(value, dict):
            return {
                key: _mistype(one, None, 3) if key == field_name else _mistype(one, field_name)
                for key, one in value.items()
            }
        return [_mistype(one, field_name) for one in value] if isinstance(value, list) else value
    if isinstance(value, bool) or value is None:
        return "maybe"
    if isinstance(value, int | float):
        return "several"
    if isinstance(value, str):
        return {"text": value}
    if depth >= 3:
        return "things"
    if isinstance(value, list):
        return [_mistype(one, None, depth + 1) for one in value] if depth == 0 else {"list": value}
    return {key: _mistype(one, None, depth + 1) for key, one in value.items()}
