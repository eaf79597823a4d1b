"""What is being watched and how the sync is doing, as pages for people and as the same JSON for programs.

What is told is read by the core (`sync.watching`, `sync.title_record`, `sync.status`); here it is only drawn. No script
is needed; one of a few lines renews the state of the sync while somebody looks on. One button changes something: it has
a title fetched now, as `POST /api/sync/{medium}/{tmdb_id}` does.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ratingo_pipelines.defs.partitions import LARGEST_ID
from ratingo_pipelines.gateway.api.answers import ApiResponse, failure
from ratingo_pipelines.gateway.api.runs import NotLaunched, Run
from ratingo_pipelines.gateway.auth.principals import CALLER, Role
from ratingo_pipelines.gateway.pages.words import CHANGES, LANGUAGES, OUTCOMES, TURNS, words_in
from ratingo_pipelines.measures.sparkline import histogram_svg, svg
from ratingo_pipelines.media import BY_NAME, MEDIA, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.cycles import Counts
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.records import RecordedPlace
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.status import status
from ratingo_pipelines.sync.title_record import TitleRecord, record_of
from ratingo_pipelines.sync.watching import coming_airings, watched

FetchTitle = Callable[[Medium, int, str], Awaitable[str]]

LatestRuns = Callable[[int], Sequence[Run]]

TITLES = 50
RUNS = 8
CALENDAR_DAYS = 14
UNKNOWN = "–"
POSTERS = "https://image.tmdb.org"
REFRESH = """setInterval(async () => {
  const shown = document.getElementById("state");
  if (document.hidden || shown.contains(document.activeElement)) return;
  const answer = await fetch(location.href, {headers: {Accept: "text/html"}}).catch(() => null);
  if (!answer || !answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("state");
  if (fresh) shown.replaceWith(fresh);
}, 10000);"""
"""Renews the state of the sync every ten seconds, unless nobody sees it or somebody is at one of its buttons."""
_REFRESH = Markup(REFRESH)  # noqa: S704 - a constant
_SCRIPT = f"sha256-{b64encode(sha256(REFRESH.encode()).digest()).decode()}"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; img-src {POSTERS}; "
    f"script-src '{_SCRIPT}'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


class WatchingPages:
    """`/watching`, a page a title below it, and the calendar; each as JSON with `.json` or by `Accept`."""

    def __init__(
        self, database: Database, settings: Settings, fetch: FetchTitle, latest_runs: LatestRuns = lambda _: ()
    ) -> None:
        """`fetch` has a title fetched, and returns the id of the run that does it; `latest_runs` are so many."""
        self._database = database
        self._fetch = fetch
        self._latest_runs = latest_runs
        self._settings = settings
        self._templates = _templates()

    def routes(self) -> list[Route]:
        """The routes; `.json` goes before what would match it as well."""
        return [
            Route(f"{path}{suffix}", handler, methods=["GET"])
            for path, handler in (
                ("/watching", self.overview),
                ("/watching/calendar", self.calendar),
                ("/watching/titles/{medium}/{tmdb_id:int}", self.title),
            )
            for suffix in (".json", "")
        ] + [Route("/watching/titles/{medium}/{tmdb_id:int}", self.fetch, methods=["POST"])]

    async def overview(self, request: Request) -> Response:
        """The lists of both media, and the state of the sync."""
        return await run_in_threadpool(self._overview, request)

    async def calendar(self, request: Request) -> Response:
        """The episodes of the next 14 days."""
        return await run_in_threadpool(self._calendar, request)

    async def title(self, request: Request) -> Response:
        """All of one title."""
        return await run_in_threadpool(self._title, request)

    async def fetch(self, request: Request) -> Response:
        """Have a title fetched now, and lead back to its page, which names the run."""
        medium, tmdb_id = BY_NAME.get(request.path_params["medium"]), request.path_params["tmdb_id"]
        if medium is None or not 0 < tmdb_id <= LARGEST_ID:
            return failure(404, f"no list ever named {request.path_params['medium']} {tmdb_id}")
        try:
            run_id = await self._fetch(medium, tmdb_id, "/watching")
        except NotLaunched as error:
            return failure(503, f"Dagster did not take the run: {error}")
        if _wants_json(request):
            return ApiResponse({"success": True, "runId": run_id}, 202)
        language = _language(request)
        query = urlencode({"run": run_id, **({"lang": language} if language != LANGUAGES[0] else {})})
        return RedirectResponse(f"{request.url.path}?{query}", status_code=303, headers=HEADERS)

    def _overview(self, request: Request) -> Response:
        now = utc_now()
        lists = {medium: watched(self._database, medium, now, limit=TITLES) for medium in MEDIA}
        state, runs = status(self._database, self._settings, now), self._latest_runs(RUNS)
        if _wants_json(request):
            listed = {medium.plural: [asdict(title) for title in titles] for medium, titles in lists.items()}
            return ApiResponse({"watching": listed, "status": state.as_dict(), "runs": [_told(run) for run in runs]})
        heading = words_in(_language(request))("watching now")
        told = {"watched": lists, "status": state, "runs": runs, "refresh": _REFRESH}
        return self._page(request, "watching.html", heading, **told)

    def _calendar(self, request: Request) -> Response:
        airings = coming_airings(self._database, utc_now(), CALENDAR_DAYS)
        if _wants_json(request):
            return ApiResponse({"airings": [asdict(airing) for airing in airings]})
        heading = words_in(_language(request))("episodes of the next 14 days")
        return self._page(request, "calendar.html", heading, airings=airings)

    def _title(self, request: Request) -> Response:
        medium = BY_NAME.get(request.path_params["medium"])
        tmdb_id = request.path_params["tmdb_id"]
        found = record_of(self._database, medium, tmdb_id, utc_now()) if medium and tmdb_id <= LARGEST_ID else None
        if found is None:
            return failure(404, f"no list ever named {request.path_params['medium']} {tmdb_id}")
        if _wants_json(request):
            return ApiResponse(asdict(found))
        named = found.title_uk or found.title or f"{found.medium} {found.tmdb_id}"
        asked_for = request.query_params.get("run", "")
        run = asked_for if _is_run_id(asked_for) else None
        return self._page(request, "title.html", named, record=found, ratings=_side_by_side(found), run=run)

    def _page(self, request: Request, template: str, heading: str, **told: Any) -> Response:
        language, caller = _language(request), CALLER.get()
        given = {
            "may_fetch": caller is None or caller.role >= Role.TRIGGER,
            "t": words_in(language),
            "lang": language,
            "in_lang": "" if language == LANGUAGES[0] else f"?lang={language}",
            "path": request.url.path,
            "heading": heading,
            **told,
        }
        return HTMLResponse(self._templates.get_template(template).render(given), headers=HEADERS)


def _told(run: Run) -> dict[str, Any]:
    """A run, for JSON."""
    times = {"started_at": run.started_at, "ended_at": run.ended_at}
    return {"id": run.id, "job": run.job, "status": run.status, **times}


def _side_by_side(record: TitleRecord) -> dict[str, str]:
    """The ratings, by who gives them; none where none is known."""
    values = {fact.name: fact.value for fact in record.facts}
    ratings = {
        "TMDB": _rating(values.get("rating_tmdb")),
        "Trakt": _rating(values.get("rating_trakt_avg")),
        "IMDb": _rating(values.get("rating_imdb")),
        "Metacritic": _whole(values.get("rating_metacritic")),
    }
    return ratings if set(ratings.values()) != {UNKNOWN} else {}


def _is_run_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", LANGUAGES[0])
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _wants_json(request: Request) -> bool:
    return request.url.path.endswith(".json") or "text/html" not in request.headers.get("accept", "")


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("ratingo_pipelines.gateway.pages"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"poster": _poster, "line": _line, "histogram": _histogram, "bar": _bar, "ranks": _ranks}
    environment.globals |= {"outcomes": OUTCOMES, "turns": TURNS, "changes": CHANGES}
    environment.filters |= {"rating": _rating, "whole": _whole, "signed": _signed, "moment": _moment}
    return environment


def _poster(path: str) -> str:
    return f"{POSTERS}/t/p/w185{path}"


def _line(values: list[float | None], label: str, width: int = 120, height: int = 28) -> Markup:
    return Markup(svg(values, width, height, label=label))  # noqa: S704 - it escapes its label


def _ranks(places: Sequence[RecordedPlace], label: str) -> Markup:
    """The place in each list, the first place on top, in time order."""
    lowest = max(place.rank for place in places)
    return _line([float(lowest - place.rank) for place in reversed(places)], label, 600, 90)


def _histogram(counts: dict[int, int], label: str) -> Markup:
    return Markup(histogram_svg(counts, label=label))  # noqa: S704 - likewise


def _bar(counts: Counts, label: str) -> Markup:
    """The titles of a cycle by outcome, as parts of one bar."""
    parts = (counts.done, counts.processing + counts.pending, counts.error, counts.skipped)
    total, at, shapes = max(sum(parts), 1), 0.0, []
    for number, colour in zip(parts, ("#1f8a4c", "#7d8799", "#c22b3f", "#c8a23a"), strict=True):
        width = 100 * number / total
        shapes.append(f'<rect x="{at:.2f}" width="{width:.2f}" height="10" fill="{colour}"/>')
        at += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("".join(shapes)))  # noqa: S704 - numbers alone


def _rating(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}"


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")


def _signed(value: float | None) -> str:
    if not value:
        return "0" if value == 0 else "–"
    return f"{value:+,.0f}".replace(",", "\N{NO-BREAK SPACE}")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
