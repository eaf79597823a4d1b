"""What scripts and dashboards of the site meet, over HTTP, on both back ends: short patience, loops, exit codes."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.documents import ROOT
from ratingo_pipelines_tests.gateway.served import SECRET
from ratingo_pipelines_tests.gateway.whole import Whole, environment, start
from ratingo_pipelines_tests.installation import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not shutil.which("curl") or not shutil.which("sh"), reason="needs curl and sh"),
]
OLD_SCRIPTS_SECONDS = "20"
"""The patience that the former application's scripts have."""
ROUNDS = 20
RUNS = '{ runsOrError(filter: {pipelineName: "shows_sync"}) { ... on Runs { count } } }'


@pytest.fixture(scope="module")
def site(
    shared_database_url: str, whole_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Whole]:
    """`ratingo serve` on a database of either back end; nothing starts by itself."""
    folder = tmp_path_factory.mktemp("site")
    running = start(folder, environment(folder / "home", whole_sandbox, {"DATABASE_URL": shared_database_url}))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_faults(whole_sandbox: RunningSandbox) -> Iterator[None]:
    """Every test begins and ends without faults."""
    whole_sandbox.faults()
    yield
    whole_sandbox.faults()


def old_script(site: Whole, path: str) -> tuple[int, dict[str, Any]]:
    """Ask as the former application's scripts do: the status and the answer, if it comes while they wait."""
    asked = ["curl", "--silent", "--show-error", "--max-time", OLD_SCRIPTS_SECONDS, "--write-out", "\n%{http_code}"]
    done = subprocess.run(
        [*asked, "--header", f"Authorization: Bearer {SECRET}", site.url + path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def by_cron(site: Whole, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script of `deploy/cron`, as cron does."""
    env = {"PATH": site.environment["PATH"], "CRON_SECRET": SECRET, "RATINGO_URL": site.url}
    return subprocess.run(
        ["sh", "-c", f"deploy/cron/{script}"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def status(site: Whole) -> dict[str, Any]:
    found: dict[str, Any] = site.get("/api/sync/trending/status").json()
    return found


def test_scripts_that_wait_20_seconds_are_told_in_time_that_the_run_goes_on(
    site: Whole, whole_sandbox: RunningSandbox
) -> None:
    whole_sandbox.faults(
        {"kind": "latency", "api": "trakt", "endpoint": "/{medium}/trending", "ms": 17_000, "times": 1}
    )
    code, opened = old_script(site, "/api/sync/trending")
    assert (code, opened["success"], opened["complete"]) == (202, True, False)
    assert opened["statusUrl"] == f"/api/sync/runs/{opened['runId']}"
    assert "tasksQueued" not in opened
    queued = site.finished(opened["runId"])["tasksQueued"]
    assert queued > 10

    whole_sandbox.faults({"kind": "latency", "api": "tmdb", "endpoint": "/{medium}/{id}", "ms": 17_000})
    code, processing = old_script(site, "/api/sync/trending/process?limit=10")
    assert (code, processing["success"], processing["complete"]) == (202, True, False)
    assert "processed" not in processing
    assert site.finished(processing["runId"])["processed"] == 10


def test_the_figures_add_up_at_any_moment(site: Whole, whole_sandbox: RunningSandbox) -> None:
    queued = site.get("/api/sync/trending").json()["tasksQueued"]
    whole_sandbox.faults({"kind": "latency", "api": "tmdb", "ms": 300})
    site.get("/api/sync/trending/process?limit=50&wait=0")
    seen = []

    def is_over() -> bool:
        found = status(site)
        tasks, stats = found["tasks"], found["job"]["stats"]
        seen.append(tasks)
        assert stats["listed"] == stats["eligible"] + stats["skipped"] == 20
        assert tasks["total"] == stats["eligible"] <= queued
        assert tasks["total"] == sum(tasks[name] for name in ("pending", "processing", "done", "error"))
        return bool(found["job"]["status"] == "done")

    until(is_over, 90, "the cycle is worked off")
    assert seen[0]["done"] < seen[-1]["done"] == seen[-1]["total"]


def test_a_loop_until_nothing_is_pending_ends_while_tmdb_refuses_the_key(
    site: Whole, whole_sandbox: RunningSandbox
) -> None:
    queued = site.get("/api/sync/trending").json()["tasksQueued"]
    before = site.graphql(RUNS)["runsOrError"]["count"]
    whole_sandbox.faults({"kind": "revoked", "api": "tmdb"})

    answers = []
    for _ in range(ROUNDS):
        answers.append(site.get("/api/sync/trending/process?limit=10").json())
        if status(site)["tasks"]["pending"] == 0:
            break

    found = status(site)
    assert len(answers) < ROUNDS
    assert found["job"]["status"] == "error"
    assert "TMDB" in found["job"]["error"]
    assert (found["tasks"]["pending"], found["tasks"]["error"]) == (0, queued)
    assert answers[0]["success"] is False
    # Nothing is launched again within the retry delay, and the script says so by its code.
    again = by_cron(site, "trigger.sh '/api/sync/trending/process?limit=10' 60")
    assert again.returncode == 1
    assert "FAILED" in again.stderr
    assert "TMDB" in again.stderr
    assert site.graphql(RUNS)["runsOrError"]["count"] == before + 1
    # A new cycle is another matter.
    whole_sandbox.faults()
    assert site.get("/api/sync/trending").json()["tasksQueued"] == queued
    assert site.get("/api/sync/trending/process?limit=50").json()["processed"] == queued


def test_a_run_that_fails_after_the_answer_fails_cron_too(site: Whole, whole_sandbox: RunningSandbox) -> None:
    whole_sandbox.faults({"kind": "latency", "api": "trakt", "ms": 2000}, {"kind": "revoked", "api": "trakt"})

    ended = by_cron(site, "trigger.sh '/api/sync/movies/trending?wait=0' 120")

    assert ended.returncode == 1, ended.stderr
    starting, failed = ended.stderr.splitlines()
    assert starting.endswith("ratingo: Starting /api/sync/movies/trending?wait=0")
    assert "ratingo: /api/sync/movies/trending?wait=0 FAILED: " in failed
    assert "Trakt" in failed
    assert ended.stdout == ""
