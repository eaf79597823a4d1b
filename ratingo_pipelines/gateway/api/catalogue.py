"""The endpoints under `/api`, as a table: the routes and their description are both made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratingo_pipelines.gateway.api.models import (
    ApiModel,
    BackfillAnswer,
    BootstrapAnswer,
    CalendarAnswer,
    ChangesAnswer,
    CoordinatorAnswer,
    ProcessorAnswer,
    PruneAnswer,
    ReadyAnswer,
    RunAnswer,
    StatusAnswer,
    TitleAnswer,
    UpAnswer,
)
from ratingo_pipelines.gateway.api.parameters import LIMIT, MEDIUM, MOST, SINCE, STRICT, Choice, Parameter, wait
from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sync.backfill import BACKFILLS, BOOTSTRAP

WAIT_SHORT, WAIT, WAIT_CALENDAR, WAIT_PRUNE = 15, 290, 110, 50
"""Seconds; the scripts of the site give curl 20 for coordinator and processor, 300, 120 and 60 for the others."""

_RUN_ID = "5a3c4a2e-7c0e-4c53-9a6d-0f6f1c1f8c11"
_ERROR = {
    "tmdbId": 1396,
    "title": "Breaking Bad",
    "stage": "details",
    "error": "TMDB: answered with HTTP 500",
    "attempts": 1,
    "nextAttemptAt": "2026-01-31T06:15:00.000Z",
}
_PROCESSED = {"success": True, "processed": 10, "succeeded": 9, "failed": 1, "skipped": 0}
_STATUS = {
    "success": True,
    "job": {
        "id": 12,
        "status": "processing",
        "stats": {"listed": 100, "eligible": 98, "skipped": 2, "maxWatchers": 4211},
        "createdAt": "2026-01-31T06:00:00.000Z",
        "updatedAt": "2026-01-31T06:00:21.000Z",
    },
    "tasks": {"total": 98, "pending": 60, "processing": 8, "done": 29, "error": 1},
    "errors": [_ERROR],
}
_BACKFILL = {"success": True, "updated": 31, "processed": 31, "succeeded": 31, "failed": 0, "skipped": 0}


@dataclass(frozen=True)
class Endpoint:
    """One path: what it does, what it takes, what it answers. `job` names the run that it starts, if it starts one."""

    path: str
    summary: str
    answer: type[ApiModel]
    example: Mapping[str, Any]
    parameters: tuple[Parameter, ...] = ()
    medium: Medium = SHOWS
    job: str | None = None
    of_title: bool = False
    """Whether the path names a title, by `{tmdb_id}`. Nothing is started by GET then: the guide knows no such path."""

    choices: tuple[Choice, ...] = ()

    @property
    def starts(self) -> bool:
        """Whether asking changes something; then POST is the right method, and GET the guide's."""
        return self.job is not None

    @property
    def methods(self) -> tuple[str, ...]:
        """By which it is asked. A trigger must not start for HEAD."""
        if not self.starts:
            return ("GET", "HEAD")
        return ("POST",) if self.of_title else ("GET", "POST")


def _trio(medium: Medium) -> list[Endpoint]:
    root = root_of(medium)
    return [
        Endpoint(
            f"{root}/trending",
            f"Coordinator: fetch the trending {medium} and queue their titles.",
            CoordinatorAnswer,
            {
                "success": True,
                "jobId": 12,
                "tasksQueued": 98,
                "totals": {"trendingFetched": 100},
                "runId": _RUN_ID,
            },
            (wait(WAIT_SHORT),),
            medium,
            f"{medium}_trending",
        ),
        Endpoint(
            f"{root}/trending/process",
            f"Processor: have up to `limit` more {medium} of the latest cycle end.",
            ProcessorAnswer,
            _PROCESSED | {"runId": _RUN_ID, "errors": [_ERROR]},
            (LIMIT, wait(WAIT_SHORT)),
            medium,
            f"{medium}_sync",
        ),
        Endpoint(
            f"{root}/trending/status", f"How far the latest cycle of {medium} is.", StatusAnswer, _STATUS, (), medium
        ),
        Endpoint(
            f"{root}/trending/full",
            f"Everything for {medium} in one run: bootstrap of an empty database, or catching up.",
            BootstrapAnswer,
            {
                "success": True,
                "jobId": 12,
                "updated": 90,
                "added": 8,
                "skipped": 2,
                "totals": {"trendingFetched": 100},
                "ratings": {"updated": 98, "bucketsUpserted": 980},
                "snapshots": {"inserted": 98, "unchanged": 0, "processed": 98},
                "backfill": {backfill.name: {"updated": 95, "failed": 0, "skipped": 3} for backfill in BOOTSTRAP},
                **({"prune": {"deleted": 0}} if medium is SHOWS else {}),
                "timestamp": "2026-01-31T06:02:10.000Z",
                "runId": _RUN_ID,
            },
            (wait(WAIT),),
            medium,
            f"{medium}_full_sync",
        ),
        Endpoint(
            f"/api/sync/{medium}/{{tmdb_id}}",
            f"Fetch one of the {medium} whole, whether a list names it or not.",
            TitleAnswer,
            {"success": True, "id": 4711, "tmdbId": 1399, "runId": _RUN_ID},
            (wait(WAIT),),
            medium,
            f"{medium}_title",
            of_title=True,
        ),
        *(
            Endpoint(
                f"{root}/backfill/{backfill.name}",
                f"Complete {medium} that lack {backfill.facts}.",
                BackfillAnswer,
                _BACKFILL | {"runId": _RUN_ID},
                (wait(WAIT),),
                medium,
                f"{medium}_{backfill.name}_backfill",
            )
            for backfill in BACKFILLS
        ),
    ]


def root_of(medium: Medium) -> str:
    """Where a medium's endpoints are: the guide knew shows first."""
    return "/api/sync/movies" if medium is MOVIES else "/api/sync"


ENDPOINTS = [
    *(endpoint for medium in MEDIA for endpoint in _trio(medium)),
    Endpoint(
        "/api/sync/backfill/imdb",
        "Bring IMDb's ratings of all shows and movies to those of its daily dataset, where IMDB_DATASET is on.",
        BackfillAnswer,
        _BACKFILL | {"runId": _RUN_ID},
        (wait(WAIT),),
        job="imdb_backfill",
    ),
    Endpoint(
        "/api/sync/calendar/sync",
        "Write the coming episodes of the shows that the site lists.",
        CalendarAnswer,
        {"success": True, "processed": 140, "inserted": 36, "updated": 4, "deleted": 1, "runId": _RUN_ID},
        (wait(WAIT_CALENDAR),),
        job="shows_calendar_sync",
    ),
    Endpoint(
        "/api/sync/calendar/prune",
        "Remove episodes of shows that the site does not list, and those long aired.",
        PruneAnswer,
        {"success": True, "deleted": 17, "runId": _RUN_ID},
        (wait(WAIT_PRUNE),),
        job="shows_calendar_prune",
    ),
]
RUN = Endpoint(
    "/api/sync/runs/{id}",
    "A run that was started here or elsewhere; once it is over, with the answer its trigger would have given.",
    RunAnswer,
    {"success": True, "complete": False, "runId": _RUN_ID, "job": "shows_sync", "status": "STARTED"},
)
READY = Endpoint(
    "/readyz",
    "Whether all parts work, and with `strict` whether the lists are up to date: 200 if so, else 503.",
    ReadyAnswer,
    {
        "ready": True,
        "database": {"ok": True},
        "history": {"ok": True},
        "codeLocation": {"ok": True},
        "daemon": {"ok": True, "heartbeatAgeSeconds": 12},
        "upToDate": {"ok": True},
        "cycles": {
            "shows": {
                "ageSeconds": 5130,
                "list": {"askedAt": "2026-01-31 12:00:00+00:00", "outcome": "well", "reason": None},
                "clockAheadSeconds": 0,
                "skipped": {"no TMDB id": {"now": 2, "before": 2}},
            },
            "movies": {"ageSeconds": 62010},
        },
    },
    (STRICT,),
)
CHANGES = Endpoint(
    "/changes",
    "What changed of titles since the last call, for notifications: read on from `cursor` and no change is missed.",
    ChangesAnswer,
    {
        "changes": [
            {
                "id": 4212,
                "medium": "shows",
                "tmdbId": 1399,
                "title": "Game of Thrones",
                "kind": "on_provider",
                "region": "UA",
                "before": None,
                "after": "Netflix",
                "cycleId": 12,
                "changedAt": "2026-01-31T06:00:21.000Z",
            }
        ],
        "cursor": 4212,
        "more": False,
    },
    (SINCE, MOST),
    choices=(MEDIUM,),
)
HEALTH = Endpoint("/healthz", "Whether the gateway answers; needs no secret.", UpAnswer, {"status": "up"})
