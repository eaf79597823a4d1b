"""The control API, under `/control`: time, faults, counters and the truth. JSON in, JSON out; no key.

| call | what it does |
|---|---|
| `GET /control` | epoch, day, clock, titles a medium, the faults that are set |
| `POST /control/epoch` | `{"epoch": n}`, `{"advance": n}`, `{"today": "2026-01-31"}` (null: the clock's day again) |
| `POST /control/epoch` | the clock: `{"now": "2026-01-31T12:00:00Z"}` (null: real time), `{"clock_ahead": seconds}` |
| `GET /control/faults` | the faults that are set, with how often each struck |
| `POST /control/faults` | sets faults in place of the present ones (faults.py says which); `"add": true` adds |
| `DELETE /control/faults` | removes all |
| `GET /control/lies` | the lies by name, with the faults each stands for |
| `GET /control/counters` | requests, statuses, repeated URLs and the busiest windows by API |
| `POST /control/reset` | no faults, counters at zero, epoch, day and clock as at the start |
| `GET /control/truth/{shows or movies}?limit=` | what a database must say (truth.py) |
| `GET /control/truth/{shows or movies}/{tmdb id}` | `{row, facts}` of any title, trending or not |
| `GET /control/oddities` | every oddity, what it is, and its titles' ids |
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ratingo_pipelines.media import BY_NAME, MEDIA, Medium
from ratingo_pipelines.sandbox import faults, oddities
from ratingo_pipelines.sandbox.lies import LIES
from ratingo_pipelines.sandbox.state import State
from ratingo_pipelines.sandbox.truth import facts, row, truth

_Endpoint = Callable[[State, Request], Awaitable[Any]]


class _NotFoundError(LookupError):
    """Nothing by that name; answered as 404."""


def control(state: State) -> Starlette:
    """Build the control API of one sandbox."""

    def route(path: str, endpoint: _Endpoint, method: str = "GET") -> Route:
        async def serve(request: Request) -> JSONResponse:
            try:
                return JSONResponse(await endpoint(state, request))
            except _NotFoundError as error:
                return JSONResponse({"error": str(error)}, 404)
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)

        return Route(path, serve, methods=[method])

    return Starlette(
        routes=[
            route("/control", _now),
            route("/control/epoch", _move, "POST"),
            route("/control/faults", _faults),
            route("/control/faults", _set_faults, "POST"),
            route("/control/faults", _clear_faults, "DELETE"),
            route("/control/lies", _lies),
            route("/control/counters", _counters),
            route("/control/reset", _reset, "POST"),
            route("/control/truth/{medium}", _truth),
            route("/control/truth/{medium}/{tmdb_id:int}", _title),
            route("/control/oddities", _oddities),
        ]
    )


async def _now(state: State, _: Request) -> Any:
    world = state.world
    titles = {medium.plural: len(world.catalogue.titles[medium]) for medium in MEDIA}
    reports = [fault.report() for fault in state.faults]
    now = state.now.isoformat(timespec="seconds")
    return {"epoch": world.epoch, "today": str(world.today), "now": now, "titles": titles, "faults": reports}


async def _move(state: State, request: Request) -> Any:
    given = await _body(request)
    unknown = given.keys() - {"epoch", "advance", "today", "now", "clock_ahead"}
    if unknown or not given or given.keys() >= {"now", "clock_ahead"}:
        raise ValueError(
            'say {"epoch": n}, {"advance": n}, {"today": "YYYY-MM-DD"}, '
            '{"now": "YYYY-MM-DDTHH:MM:SSZ"} or {"clock_ahead": seconds}'
        )
    epoch = int(given.get("epoch", state.world.epoch)) + int(given.get("advance", 0))
    if epoch < 0:
        raise ValueError("epochs start at 0")
    day = state.day
    if "today" in given:
        day = date.fromisoformat(given["today"]) if given["today"] else None
    state.day, state.ahead = day, _ahead(given, state.ahead)
    state.move(epoch)
    return await _now(state, request)


def _ahead(given: dict[str, Any], ahead: timedelta) -> timedelta:
    """How far the clock is to be ahead of the machine's; it goes on from there, and what names no zone is UTC."""
    if "now" not in given:
        return timedelta(seconds=float(given["clock_ahead"])) if "clock_ahead" in given else ahead
    if given["now"] is None:
        return timedelta()
    instant = datetime.fromisoformat(given["now"])
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - datetime.now(UTC)


async def _faults(state: State, _: Request) -> Any:
    return {"faults": [fault.report() for fault in state.faults]}


async def _set_faults(state: State, request: Request) -> Any:
    given = await request.json()
    found = faults.parse(given, state.clock())
    adds = isinstance(given, dict) and given.get("add") is True
    state.faults = [*state.faults, *found] if adds else found
    return await _faults(state, request)


async def _clear_faults(state: State, request: Request) -> Any:
    state.faults = []
    return await _faults(state, request)


async def _lies(_: State, __: Request) -> Any:
    return LIES


async def _counters(state: State, _: Request) -> Any:
    return state.counters.report()


async def _reset(state: State, request: Request) -> Any:
    state.reset()
    return await _now(state, request)


async def _truth(state: State, request: Request) -> Any:
    limit = request.query_params.get("limit")
    return truth(_medium(request), state.world, int(limit) if limit else None)


async def _title(state: State, request: Request) -> Any:
    title = state.world.catalogue.by_tmdb_id.get((_medium(request), request.path_params["tmdb_id"]))
    if title is None:
        raise _NotFoundError("TMDB knows no such id")
    return {"row": row(title, state.world), "facts": facts(title, state.world)}


async def _oddities(state: State, _: Request) -> Any:
    return {
        oddity.name: {"about": oddity.about}
        | {
            medium.plural: [
                {
                    "trakt": title.trakt_id,
                    "slug": title.slug,
                    "tmdb": title.trakt_tmdb,
                    "imdb": title.imdb_id,
                    "title": title.trakt_name or title.name,
                }
                for title in state.world.catalogue.odd(oddity.name, medium)
            ]
            for medium in oddity.media
        }
        for oddity in oddities.ODDITIES
    }


def _medium(request: Request) -> Medium:
    name = request.path_params["medium"]
    if name not in BY_NAME:
        raise _NotFoundError(f"there are shows and movies, no {name}")
    return BY_NAME[name]


async def _body(request: Request) -> dict[str, Any]:
    given = await request.json()
    if not isinstance(given, dict):
        raise TypeError("a JSON object is expected")
    return given
