"""What goes wrong, by name: faults of the sandbox, seeded, and what is expected of the syncs under them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Faults = Sequence[dict[str, Any]]
Title = dict[str, int]
"""Ids of an eligible title: `tmdb`, `trakt`."""

SPOILT = ("reset", "cut", "gzip", "html", "malformed", "types")


@dataclass(frozen=True)
class Scenario:
    """Faults that last through all cycles, or only through the first one."""

    name: str
    faults: Callable[[Sequence[Title]], Faults]
    heals: bool = False
    """Whether the faults are over after the first cycle."""
    permanent: int = 0
    """So many titles, spread over the list, can never be had: the first that `faults` is given."""
    omdb: bool = False
    """Whether OMDb is asked as well, a day later after each cycle."""
    stops: bool = False
    """Whether the first cycle is stopped before its end."""
    settings: dict[str, Any] = field(default_factory=dict)


def _always(*faults: dict[str, Any]) -> Callable[[Sequence[Title]], Faults]:
    return lambda _: faults


def _broken(titles: Sequence[Title]) -> Faults:
    return [{"kind": "fail", "api": "tmdb", "status": 500, "ids": [title["tmdb"] for title in titles]}]


def scenarios(storm_every: int) -> list[Scenario]:
    """All of them; of the seconds between two storms the fifth part is a storm."""
    storm = {"kind": "storm", "on": storm_every / 5, "every": storm_every, "retry_after": max(1, storm_every // 5)}
    storms = [{**storm, "api": "trakt"}, {**storm, "api": "tmdb"}]
    errors = {"kind": "status", "status": [500, 502, 503, 504, 520]}
    impatient = {"http_timeout_seconds": 1.0}
    return [
        Scenario("5 % server errors", _always({**errors, "probability": 0.05})),
        Scenario("20 % server errors", _always({**errors, "probability": 0.2})),
        Scenario(
            f"429 storms, {storm['on']:g} of {storm_every} s",
            _always({**storm, "api": "trakt"}, {**storm, "api": "tmdb"}),
        ),
        Scenario("hangs", _always({"kind": "hang", "probability": 0.03}), settings=impatient),
        Scenario("resets", _always({"kind": "reset", "probability": 0.1})),
        Scenario("bodies cut short", _always({"kind": "cut", "probability": 0.1})),
        Scenario("truncated gzip", _always({"kind": "gzip", "probability": 0.1})),
        Scenario("HTML for JSON", _always({"kind": "html", "probability": 0.1})),
        Scenario("10 % malformed bodies", _always({"kind": "malformed", "probability": 0.1})),
        Scenario("wrong types", _always({"kind": "types", "probability": 0.1})),
        Scenario("3 titles fail for good", _broken, permanent=3),
        Scenario("OMDb exhausted in the middle", _always({"kind": "omdb_limit", "limit": 4}), heals=True, omdb=True),
        Scenario(
            "Trakt's key revoked",
            _always({"kind": "revoked", "api": "trakt", "endpoint": "/{medium}/{id}/ratings", "probability": 0.3}),
            heals=True,
            stops=True,
        ),
        Scenario(
            "everything at once",
            lambda titles: [
                {**errors, "probability": 0.05},
                *storms,
                *({"kind": kind, "probability": 0.03} for kind in SPOILT),
                {"kind": "latency", "ms": 20, "jitter": 20},
                *_broken(titles),
            ],
            permanent=3,
            settings=impatient,
        ),
    ]
