"""The whole stack as processes: code server, daemon, webserver, on a home of their own, and a way to look at them.

They find their settings in the `.env` of their working directory: nothing of it is in their environment. They are
stopped with SIGKILL: that a stop can be orderly is no merit here.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import psutil
import yaml

from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.defs.runs import NOT_OVER, reason_of
from ratingo_pipelines.home import shipped
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import Failure, all_failures
from ratingo_pipelines.sync.context import utc_now

LOCATION = "ratingo_pipelines"
Found = TypeVar("Found")


class Stack:
    """One installation; what is not started is not there."""

    def __init__(
        self,
        folder: Path,
        sandbox: RunningSandbox,
        database_url: str,
        settings: Mapping[str, object] | None = None,
        monitoring: Mapping[str, int] | None = None,
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.database = Database(database_url)
        self.home = folder / "dagster"
        self.home.mkdir()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        config = yaml.safe_load(shipped("dagster.yaml").read_text())
        config["run_monitoring"] |= monitoring or {}
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(config))
        given = {
            **sandbox.environment(),
            "DATABASE_URL": database_url,
            "RATINGO_HOME": folder / "ratingo",
            "TRENDING_LIMIT": 30,
            "HTTP_CACHE": "false",
            "SENSORS_OFF": "shows_after_sync,movies_after_sync",
            **(settings or {}),
        }
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        self.port, self.web_port = free_port(), free_port()
        server = {"grpc_server": {"host": "127.0.0.1", "port": self.port, "location_name": LOCATION}}
        (folder / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [server]}))
        self.instance = dg.DagsterInstance.from_config(str(self.home))

    def start(self, *names: str) -> None:
        """Start the processes of these names (all by default), and wait until they work."""
        for name in names or ("code_server", "webserver", "daemon"):
            self._start(name)
        for name in names or ("code_server", "webserver", "daemon"):
            self._wait_for(name)

    def _start(self, name: str) -> None:
        python = sys.executable
        commands = {
            "code_server": f"{python} -m dagster api grpc -m ratingo_pipelines.definitions --location-name {LOCATION} "
            f"--host 127.0.0.1 --port {self.port} --inject-env-vars-from-instance",
            "daemon": f"{python} -m dagster._daemon run -w workspace.yaml",
            "webserver": f"{python} -m dagster_webserver -w workspace.yaml --host 127.0.0.1 --port {self.web_port}",
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                commands[name].split(),
                cwd=self.folder,
                env={**kept, "DAGSTER_HOME": str(self.home), "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait_for(self, name: str) -> None:
        if name == "code_server":
            until(lambda: listens(self.port), 60, "the code server listens", self)
        elif name == "webserver":
            until(self._location_is_loaded, 60, "the webserver has loaded the code location", self)
        else:
            begun = psutil.Process(self._processes[name].pid).create_time()
            until(lambda: self._beats(begun), 60, "the daemon's heart beats", self)

    def _location_is_loaded(self) -> bool:
        if not listens(self.web_port):
            return False
        query = "{ repositoriesOrError { __typename ... on RepositoryConnection { nodes { name } } } }"
        return bool(self.graphql(query)["repositoriesOrError"].get("nodes"))

    def _beats(self, since: float) -> bool:
        beats = self.instance.get_daemon_heartbeats()
        needed = {"SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR"}
        return all(name in beats and beats[name].timestamp >= since - 1 for name in needed)

    def kill(self, *names: str) -> None:
        """SIGKILL, for each of these processes; run workers are the code server's children, and live on."""
        for name in names:
            process = self._processes.pop(name)
            process.kill()
            process.wait()

    def kill_run_worker(self, run_id: str) -> None:
        """SIGKILL for the process that executes the run."""
        self.kill_process(self.worker_of(run_id))

    @staticmethod
    def kill_process(pid: int) -> None:
        """SIGKILL."""
        os.kill(pid, signal.SIGKILL)

    def worker_of(self, run_id: str) -> int:
        """The process that executes the run."""
        for event in self.instance.all_logs(run_id):
            found = re.search(r"process \(pid: (\d+)\)", event.user_message or event.message or "")
            if found and psutil.pid_exists(int(found[1])):
                return int(found[1])
        raise LookupError(f"no worker of run {run_id}")

    def stop(self) -> None:
        """End everything, workers too."""
        for process in self._processes.values():
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                child.kill()
            process.kill()
            process.wait()
        self.instance.dispose()
        self.database.dispose()

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask the webserver."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"http://127.0.0.1:{self.web_port}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as response:  # noqa: S310 - as above
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str, config: Mapping[str, Any] | None = None) -> str:
        """Start a job over GraphQL; the run's id."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
        }
        answer = self.graphql(
            "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename "
            "... on LaunchRunSuccess { run { runId } } ... on PythonError { message } "
            "... on RunConfigValidationInvalid { errors { message } } } }",
            params={"selector": selector, "runConfigData": json.dumps(config or {}), "mode": "default"},
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def runs(self, job: str | None = None) -> list[dg.DagsterRun]:
        """All runs, or those of a job, the newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job)))

    def run(self, run_id: str) -> dg.DagsterRun:
        """A run as it is now."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def wait_for_run(self, run_id: str, seconds: float = 90) -> dg.DagsterRun:
        """Wait for a run's end."""
        until(lambda: self.run(run_id).is_finished, seconds, f"run {run_id} ends", self)
        return self.run(run_id)

    def cycle(self, medium: Medium = SHOWS) -> Cycle | None:
        """The latest cycle."""
        with self.database.reading() as conn:
            return cycles.latest_cycle(conn, medium)

    def counts(self, medium: Medium = SHOWS) -> Counts:
        """How far the latest cycle is."""
        with self.database.reading() as conn:
            cycle = cycles.latest_cycle(conn, medium)
            return cycles.counts(conn, cycle.id, utc_now()) if cycle else Counts()

    def cycles(self, medium: Medium = SHOWS) -> int:
        """How many cycles there are."""
        with self.database.reading() as conn:
            found, cycle = 0, cycles.latest_cycle(conn, medium)
            while cycle is not None:
                found, cycle = found + 1, cycles.cycle_before(conn, cycle)
        return found

    def open_cycle(self, medium: Medium = SHOWS) -> None:
        """Start the trending job, and wait until it has opened a cycle."""
        before = self.cycles(medium)
        self.launch(f"{medium}_trending")
        until(lambda: self.cycles(medium) > before, 90, "a cycle is opened", self)

    def wait_for_cycle(self, seconds: float = 120, medium: Medium = SHOWS) -> Counts:
        """Wait until a cycle is worked off."""
        until(lambda: is_worked_off(self.counts(medium)), seconds, f"the cycle of {medium} is worked off", self)
        return self.counts(medium)

    def rest(self) -> None:
        """Wait until no run is under way or queued."""
        until(lambda: not self.instance.get_runs(dg.RunsFilter(statuses=NOT_OVER)), 120, "all runs are over", self)

    def heal(self, medium: Medium = SHOWS) -> None:
        """Fetch the titles with a failure on record: later cycles leave alone what was given up."""
        failed = sorted({failure.tmdb_id for failure in self.failures(medium)})
        if failed:
            titles = {"ids": failed, "force": True}
            self.wait_for_run(self.launch(f"{medium}_sync", {"ops": {f"{medium}_sync_titles": {"config": titles}}}))
        assert self.failures(medium) == []

    def runs_of_cycle(self, medium: Medium = SHOWS) -> int:
        """How many runs worked the latest cycle off."""
        cycle = self.cycle(medium)
        return len(self.instance.get_runs(dg.RunsFilter(tags={CYCLE_TAG: str(cycle.id)}))) if cycle else 0

    def done_titles(self, medium: Medium = SHOWS) -> set[int]:
        """The titles that are done in the latest cycle."""
        cycle = self.cycle(medium)
        with self.database.reading() as conn:
            return {place.tmdb_id for place in cycles.titles_of(conn, cycle.id, cycles.DONE)} if cycle else set()

    def failures(self, medium: Medium = SHOWS) -> list[Failure]:
        """The failures on record."""
        with self.database.reading() as conn:
            return all_failures(conn, medium)

    def failure(self, run_id: str) -> str:
        """Why a run failed, as it says itself."""
        return reason_of(self.instance, self.run(run_id)).text

    def materialized(self, asset: dg.AssetKey) -> set[str]:
        """The partitions that are materialized."""
        return self.instance.get_materialized_partitions(asset)

    def failed_partitions(self, *path: str) -> set[str]:
        """The partitions that the UI shows as FAILED."""
        answer = self.graphql(
            "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { "
            "assetPartitionStatuses { ... on DefaultPartitionStatuses { failedPartitions } } } } }",
            key={"path": list(path)},
        )
        return set(answer["assetNodeOrError"]["assetPartitionStatuses"]["failedPartitions"])

    def backfill(self, assets: Sequence[dg.AssetKey], partitions: Sequence[str], config: Mapping[str, Any]) -> str:
        """Start a backfill, as the UI does; its id."""
        answer = self.graphql(
            "mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) { __typename "
            "... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }",
            params={
                "assetSelection": [{"path": list(asset.path)} for asset in assets],
                "partitionNames": list(partitions),
                "runConfigData": config,
            },
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def ended_backfill(self, backfill_id: str) -> dict[str, Any] | None:
        """What the UI shows of a backfill that is over; None before that."""
        found: dict[str, Any] = self.graphql(
            "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status "
            "assetBackfillData { assetBackfillStatuses { ... on AssetPartitionsStatusCounts { numPartitionsTargeted "
            "numPartitionsMaterialized numPartitionsFailed numPartitionsInProgress } } } } } }",
            id=backfill_id,
        )["partitionBackfillOrError"]
        return None if found["status"] == "REQUESTED" else found

    def skipped(self, sensor: str, since: float) -> str | None:
        """Why a sensor skipped its latest tick, if it had one since then."""
        [state] = [state for state in self.instance.all_instigator_state() if state.instigator_name == sensor]
        ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        return ticks[0].skip_reason if ticks and ticks[0].timestamp >= since else None

    def next_skip(self, sensor: str) -> str:
        """Why a sensor skips its next tick."""
        now = utc_now().timestamp()
        return until(lambda: self.skipped(sensor, now), 60, f"{sensor} skips", self) or ""

    def asked_twice(self) -> dict[str, int]:
        """What was asked more than once of all APIs: URL -> times."""
        counters = self.sandbox.counters().values()
        return {url: times for api in counters for url, times in api["repeated"].items()}

    def logs(self) -> str:
        """The end of what the processes said, for a test that fails."""
        tails = (f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in self.folder.glob("*.log"))
        return "\n".join(tails)


def is_worked_off(counts: Counts) -> bool:
    """Whether there is a cycle and nothing is left of it."""
    return bool(counts.total) and not counts.pending and not counts.processing


def until(look: Callable[[], Found | None], seconds: float, what: str, stack: Stack | None = None) -> Found:
    """Wait until `look` returns something true; what it is waited for is said in the failure."""
    deadline = monotonic() + seconds
    while True:
        try:
            found = look()
        except (URLError, ConnectionError):
            found = None
        if found:
            return found
        if monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain until {what}\n{stack.logs() if stack else ''}")
        sleep(0.2)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
