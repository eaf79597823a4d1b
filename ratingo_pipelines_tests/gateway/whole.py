"""`ratingo serve` as a process, with everything it starts, on a home of its own and against the sandbox."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest
import requests

from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines_tests import installation
from ratingo_pipelines_tests.gateway.served import PASSWORD, SECRET, Served
from ratingo_pipelines_tests.installation import until

RATINGO = Path(sys.executable).with_name("ratingo")
QUIET = {
    "SENSORS_OFF": "all",
    **{name.upper(): "off" for name in Settings.model_fields if name.endswith("_cron")},
}
"""Nothing starts by itself."""
START_SECONDS = 90


def environment(home: Path, sandbox: RunningSandbox, given: Mapping[str, object] | None = None) -> dict[str, str]:
    """An installation's environment, with nothing of the developer's but what programs need to run."""
    ours = {"CRON_SECRET": SECRET, "UI_PASSWORD": PASSWORD, "TRENDING_LIMIT": 20, **QUIET, **(given or {})}
    return installation.environment(**installation.variables(sandbox, home, **ours))


def patiently(path: str) -> str:
    """A path with time for coordinator and processor to come to their end, where it does not say how long."""
    if path.partition("?")[0].endswith(("/trending", "/trending/process")) and "wait=" not in path:
        path += f"{'&' if '?' in path else '?'}wait=120"
    return path


@dataclass(frozen=True)
class Whole(Served):
    """The running whole; `url` is where it answers."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    environment: Mapping[str, str]

    @property
    def log(self) -> str:
        """All that it and its children said."""
        return (self.folder / "serve.log").read_text(errors="replace")

    def get(self, path: str, method: str = "GET", **given: Any) -> requests.Response:
        """Ask with the secret; coordinator and processor with patience, where the path does not say how long."""
        path = patiently(path)
        headers = {"Authorization": f"Bearer {SECRET}"}
        return requests.request(method, self.url + path, headers=headers, timeout=300, **given)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask GraphQL."""
        answer = self.get("/graphql", "POST", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as it is now."""
        found: dict[str, Any] = self.get(f"/api/sync/runs/{run_id}").json()
        return found

    def finished(self, run_id: str) -> dict[str, Any]:
        """A run, once it is over."""
        return until(lambda: run if (run := self.run(run_id))["complete"] else None, 90, f"run {run_id} ends")

    def ready(self) -> bool:
        """Whether all parts work."""
        try:
            return self.get("/readyz").status_code == 200
        except requests.ConnectionError:
            return False

    def child(self, what: str) -> psutil.Process | None:
        """A child by what its command line says."""
        for child in psutil.Process(self.process.pid).children():
            # It may end by itself, or be dead and not waited for, while it is looked at.
            with suppress(psutil.NoSuchProcess):
                if what in " ".join(child.cmdline()):
                    return child
        return None

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it; how many seconds that took."""
        began = monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return monotonic() - began


def start(
    folder: Path,
    env: Mapping[str, str],
    arguments: Sequence[str] = (),
    limits: Mapping[int, int] | None = None,
    command: str = "serve",
) -> Whole:
    """Start on a free port, and wait until it tells where it is. The database must be there.

    `limits` are the process's resources, soft and hard (`resource.RLIMIT_...`).
    """
    log = folder / "serve.log"
    said_before = log.stat().st_size if log.exists() else 0
    words: list[str | Path] = [RATINGO, command, "--port", "0", *arguments]
    process = installation.start(words, folder, env, log, limits)
    try:
        return attach(folder, env, process, said_before)
    except BaseException:
        installation.kill(process)
        raise


def attach(folder: Path, env: Mapping[str, str], process: "subprocess.Popen[bytes]", said_before: int = 0) -> Whole:
    """The whole that logs to `serve.log` in the folder, as soon as it is there."""

    def told() -> str | None:
        log = (folder / "serve.log").read_bytes()[said_before:].decode(errors="replace")
        said = re.search(r"pipelines at (http://\S+),", log)
        assert process.poll() is None, log
        return said[1] if said else None

    return Whole(until(told, START_SECONDS, "it tells where it is"), process, folder, env)


def prepare(env: Mapping[str, str], folder: Path) -> None:
    """Create the database."""
    subprocess.run([RATINGO, "db", "upgrade"], cwd=folder, env=dict(env), check=True, capture_output=True)


def shape(value: object) -> object:
    """An answer without its values: names and types."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value[:1]] if isinstance(value, list) else type(value).__name__


@pytest.fixture(scope="module")
def whole_sandbox() -> Iterator[RunningSandbox]:
    """The whole's own sandbox: nothing resets it but its tests."""
    with start_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def whole(whole_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """`ratingo serve` with an empty database; nothing starts by itself. The tests of a module share it."""
    folder = tmp_path_factory.mktemp("whole")
    env = environment(folder / "home", whole_sandbox)
    prepare(env, folder)
    running = start(folder, env)
    yield running
    if running.process.poll() is None:
        running.stop()
