"""The figures that Prometheus scrapes, as its own parser reads them."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import insert

from ratingo_pipelines.gateway.api.health import Health
from ratingo_pipelines.gateway.api.metrics import KEPT_SECONDS, Metrics
from ratingo_pipelines.gateway.api.progress import Progress
from ratingo_pipelines.gateway.http_counts import HttpCounts
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.http.tally import RequestOutcome, RequestTally
from ratingo_pipelines.storage import cycles, doubts, failures, quota
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.gateway.auth.test_websockets import subscribe
from ratingo_pipelines_tests.gateway.served import BEARER, Served
from ratingo_pipelines_tests.storage.examples import PATIENCE

SETTINGS = Settings(_env_file=None, ratingo_home=Path("/nowhere"), omdb_api_key=SecretStr("of a test"))
Figures = dict[tuple[str, ...], float]


class HandedSteadyClock:
    """Seconds that pass by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandedSteadyClock:
    return HandedSteadyClock()


@pytest.fixture
def metrics(
    workspace: WorkspaceProcessContext, database: Database, clock: HandedSteadyClock, tmp_path: Path
) -> Metrics:
    settings = SETTINGS.model_copy(update={"ratingo_home": tmp_path})
    health = Health(workspace, Progress(database), settings.crons)
    return Metrics(workspace.instance, database, settings, health, HttpCounts(), clock)


def parsed(text: str) -> Figures:
    """Each sample's value by its name and its labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures(metrics: Metrics) -> Figures:
    return parsed(metrics.text().decode())


def test_the_state_of_the_sync_is_told_by_medium(metrics: Metrics, database: Database) -> None:
    now = utc_now()
    with database.writing() as conn:
        entries = [Entry(n, n, n, None, None, f"Title {n}", 2020, 100) for n in (1, 2, 3)]
        cycle = cycles.open_cycle(conn, SHOWS, now - timedelta(hours=1), entries, 100, "run")
        cycles.claim(conn, cycle.id, "run", now + timedelta(minutes=5), now, tmdb_ids=[2])
        for stage in ("details", "omdb"):
            failures.record(conn, SHOWS, 3, stage, "it broke", now, spends_attempt=True, title=None, policy=PATIENCE)
        doubts.record(conn, SHOWS, 1, {("providers", "UA"): None, ("cast", ""): None}, now)
        quota.take(conn, "omdb", now.date().isoformat(), 1000, 30)
        conn.execute(insert(tables_of(SHOWS).titles), [{"tmdb_id": 7, "title": "A stub", "imdb_id": "tt0000007"}])
    found = figures(metrics)
    assert 3600 <= found["ratingo_cycle_age_seconds", "shows"] < 3700
    assert ("ratingo_cycle_age_seconds", "movies") not in found
    assert found["ratingo_cycle_titles", "shows", "pending"] == 2
    assert found["ratingo_cycle_titles", "shows", "processing"] == 1
    assert found["ratingo_cycle_titles", "movies", "done"] == 0
    assert found["ratingo_titles_failing", "shows", "details"] == found["ratingo_titles_failing", "shows", "omdb"] == 1
    assert found["ratingo_doubts", "shows", "providers UA"] == found["ratingo_doubts", "shows", "cast"] == 1
    assert (found["ratingo_omdb_quota_used",], found["ratingo_omdb_quota_limit",]) == (30, 1000)
    assert found["ratingo_waiting_titles", "omdb", "new"] == 1
    assert found["ratingo_limit_used_ratio", "trakt", "300s"] == found["ratingo_limit_used_ratio", "tmdb", "1s"] == 0
    assert not [name for name, *_ in found if name == "ratingo_pause_until_seconds"]
    midnight = datetime.combine(now.date(), time(), UTC) + timedelta(days=1)
    assert found["ratingo_waiting_until_timestamp_seconds", "omdb", "new"] == midnight.timestamp()


def test_each_part_is_up_or_not(metrics: Metrics) -> None:
    found = figures(metrics)
    assert found["ratingo_up", "database"] == found["ratingo_up", "history"] == 1
    # The workspace of these tests is empty, and no daemon runs.
    assert found["ratingo_up", "codeLocation"] == found["ratingo_up", "daemon"] == 0
    assert found["ratingo_up", "upToDate"] == 0


def test_the_runs_of_dagster_are_counted_by_status(metrics: Metrics, workspace: WorkspaceProcessContext) -> None:
    before = figures(metrics)["dagster_runs", "success"]

    @dg.job
    def shows_sync() -> None:
        """Nothing."""

    assert shows_sync.execute_in_process(instance=workspace.instance).success
    metrics._clock.now += KEPT_SECONDS  # type: ignore[attr-defined]
    found = figures(metrics)
    assert found["dagster_runs", "success"] == before + 1
    assert found["dagster_runs", "queued"] == found["dagster_queue_oldest_seconds",] == 0
    assert abs(found["dagster_run_last_success_timestamp_seconds", "shows_sync"] - utc_now().timestamp()) < 300


def test_those_who_ask_within_five_seconds_get_the_same(
    metrics: Metrics, database: Database, clock: HandedSteadyClock
) -> None:
    first = metrics.text()
    with database.writing() as conn:
        quota.take(conn, "omdb", utc_now().date().isoformat(), 1000, 1)
    clock.now += KEPT_SECONDS - 0.1
    assert metrics.text() is first
    clock.now += 0.1
    assert figures(metrics)["ratingo_omdb_quota_used",] == 1


def test_a_database_that_is_away_is_said_to_be_and_the_rest_is_told(workspace: WorkspaceProcessContext) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    health = Health(workspace, Progress(away), SETTINGS.crons)
    found = figures(Metrics(workspace.instance, away, SETTINGS, health, HttpCounts()))
    assert found["ratingo_up", "database"] == 0
    assert ("dagster_runs", "success") in found
    assert not [key for key in found if key[0].startswith("ratingo_cycle")]


def test_it_is_served_as_prometheus_expects_it(gateway: Served) -> None:
    answer = gateway.ask("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert ("ratingo_up", "database") in parsed(answer.text)
    assert gateway.ask("/metrics").status_code == 401


def test_requests_of_other_processes_are_told_by_api_and_outcome_from_the_first_scrape_on(
    metrics: Metrics, clock: HandedSteadyClock, tmp_path: Path
) -> None:
    found = figures(metrics)
    sent = {key[1:]: value for key, value in found.items() if key[0] == "ratingo_upstream_requests_total"}
    assert sent == {(api, outcome): 0 for api in ("trakt", "tmdb", "omdb") for outcome in RequestOutcome}
    tally = RequestTally(tmp_path, "TMDB")
    for outcome in (RequestOutcome.OK, RequestOutcome.OK, RequestOutcome.LIMITED):
        tally.count(outcome)
    tally.close()
    clock.now += KEPT_SECONDS
    found = figures(metrics)
    assert found["ratingo_upstream_requests_total", "tmdb", "ok"] == 2
    assert found["ratingo_upstream_requests_total", "tmdb", "limited"] == 1


def test_requests_of_the_gateway_are_told_by_route_and_status(gateway: Served) -> None:
    for path, headers in [
        ("/healthz", {}),
        ("/watching/titles/shows/1", BEARER),
        ("/watching/titles/shows/2", BEARER),
        ("/watching/titles/shows/2", {}),
        ("/nobody/knows/this", BEARER),
        ("/graphql", {}),
    ]:
        gateway.ask(path, headers=headers)
    subscribe(gateway, BEARER)
    found = parsed(gateway.ask("/metrics", headers=BEARER).text)
    answered = {key[1:]: value for key, value in found.items() if key[0] == "ratingo_http_requests_total"}
    assert answered == {
        ("/healthz", "200"): 1,
        ("/watching/titles/{medium}/{tmdb_id:int}", "404"): 2,
        ("/watching/titles/{medium}/{tmdb_id:int}", "401"): 1,
        ("dagster", "404"): 1,
        ("/graphql", "401"): 1,
        ("/graphql", "101"): 1,
    }
