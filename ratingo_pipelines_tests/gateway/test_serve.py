"""`ratingo serve` itself: when it refuses to start, what it keeps alive, how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import psutil
import pytest

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.served import BEARER, PASSWORD, SECRET
from ratingo_pipelines_tests.gateway.whole import RATINGO, Whole, attach, environment, prepare, start
from ratingo_pipelines_tests.installation import until

pytestmark = pytest.mark.e2e

STOP_SECONDS = 10


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short one: the name of a socket has 107 bytes (unix(7)), and pytest's folders are called after their tests."""
    with TemporaryDirectory(prefix="ratingo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def env(tmp_path: Path, running_sandbox: RunningSandbox) -> dict[str, str]:
    """The environment of an installation whose database is there."""
    found = environment(tmp_path / "home", running_sandbox)
    prepare(found, tmp_path)
    return found


@pytest.fixture
def new_whole(tmp_path: Path, env: dict[str, str]) -> Iterator[Callable[..., Whole]]:
    """Starts wholes, and ends what a test left running."""
    started: list[Whole] = []

    def make(*arguments: str, **given: str) -> Whole:
        started.append(start(tmp_path, env | given, arguments))
        return started[-1]

    yield make
    for whole in started:
        if whole.process.poll() is None:
            whole.process.kill()
            whole.process.wait()


def refused(env: dict[str, str], folder: Path, *arguments: str) -> str:
    """The one line with which it refuses to start."""
    command: list[str | Path] = [RATINGO, "serve", *arguments]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    [line] = ended.stderr.strip().splitlines()
    return line


# Refusals


@pytest.mark.parametrize("given", ["", "short", "x" * 64])
def test_it_does_not_start_without_a_good_secret_and_prints_none(
    env: dict[str, str], tmp_path: Path, given: str
) -> None:
    said = refused(env | {"CRON_SECRET": given}, tmp_path)

    assert "openssl rand -hex 32" in said
    assert not re.search(r"[0-9a-f]{32}|x{31}", said)


@pytest.mark.parametrize(("name", "value"), [("CRON_SECRET_PREVIOUS", "short"), ("UI_PASSWORD", "eleven char")])
def test_it_does_not_start_with_other_secrets_that_can_be_guessed(
    env: dict[str, str], tmp_path: Path, name: str, value: str
) -> None:
    said = refused(env | {name: value}, tmp_path)

    assert name in said
    assert value not in said


def test_it_does_not_start_on_a_database_that_is_not_up_to_date(env: dict[str, str], tmp_path: Path) -> None:
    said = refused(env | {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}"}, tmp_path)

    assert "ratingo db upgrade" in said


def test_it_does_not_start_on_a_port_that_is_taken(env: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        said = refused(env | {"GATEWAY_PORT": port}, tmp_path)

    assert port in said
    assert "--port" in said


def test_it_does_not_start_where_there_is_no_such_address(env: dict[str, str], tmp_path: Path) -> None:
    assert "cannot be listened on" in refused(env, tmp_path, "--port", "0", "--host", "203.0.113.1")


def test_it_does_not_start_twice_in_one_home(new_whole: Callable[..., Whole], env: dict[str, str]) -> None:
    whole = new_whole()

    assert "another `ratingo serve`" in refused(env, whole.folder, "--port", "0")


def test_it_does_not_start_with_a_file_of_tokens_that_is_wrong(env: dict[str, str], tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("nightly root 0\n")
    tokens.chmod(0o600)
    assert "line 1" in refused(env | {"RATINGO_TOKENS_FILE": str(tokens)}, tmp_path)
    tokens.chmod(0o644)
    assert "chmod 600" in refused(env | {"RATINGO_TOKENS_FILE": str(tokens)}, tmp_path)


def test_the_gateway_alone_does_not_start_without_a_workspace(env: dict[str, str], tmp_path: Path) -> None:
    assert "--workspace" in refused(env, tmp_path, "--port", "0", "--gateway-only")


# Running


def test_nothing_of_it_listens_on_a_port_but_the_gateway(new_whole: Callable[..., Whole]) -> None:
    whole = new_whole()
    until(whole.ready, 60, "all parts are ready")

    family = [psutil.Process(whole.process.pid), *psutil.Process(whole.process.pid).children(recursive=True)]
    listening = [
        connection.laddr
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", int(whole.url.rpartition(":")[2]))]
    serve = Path(whole.environment["RATINGO_HOME"]) / "dagster" / "serve"
    assert serve.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("what", ["api grpc", "dagster._daemon"])
def test_a_child_that_is_killed_comes_back_and_all_goes_on(new_whole: Callable[..., Whole], what: str) -> None:
    whole = new_whole()
    until(whole.ready, 60, "all parts are ready")
    killed = whole.child(what)
    assert killed

    killed.kill()

    until(lambda: (child := whole.child(what)) and child.pid != killed.pid and child, 60, "it is back")
    answer = whole.get("/api/sync/calendar/prune?wait=120").json()
    assert answer["success"] is True
    assert "SIGKILL" in whole.log


def test_no_secret_is_in_its_log_nor_in_its_childrens_environment(new_whole: Callable[..., Whole]) -> None:
    whole = new_whole()
    whole.get("/api/sync/trending/status")
    whole.ask(f"/api/sync/trending/status?token={SECRET}")
    whole.ask(f"/api/{SECRET}", headers=BEARER)
    whole.ask("/graphql", headers={"Authorization": f"Bearer {SECRET}x"})
    whole.log_in(PASSWORD)
    whole.log_in(PASSWORD + "x")
    until(whole.ready, 60, "all parts are ready")

    for child in psutil.Process(whole.process.pid).children(recursive=True):
        assert not {"CRON_SECRET", "UI_PASSWORD"} & set(child.environ())
        assert SECRET not in " ".join(child.cmdline())
    whole.stop()
    kept = [path for path in Path(whole.environment["RATINGO_HOME"]).rglob("*") if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in whole.log
    assert PASSWORD not in whole.log
    assert "/api/sync/trending/status -> 401" in whole.log


def test_the_gateway_alone_works_with_a_workspace_of_others(new_whole: Callable[..., Whole], tmp_path: Path) -> None:
    first = new_whole()
    until(first.ready, 60, "all parts are ready")
    server = {
        "host": "localhost",
        "socket": str(tmp_path / "home" / "dagster" / "serve" / "code-server.sock"),
        "location_name": "ratingo_pipelines",
    }
    (tmp_path / "others.yaml").write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    (tmp_path / "second").mkdir()

    second = start(
        tmp_path / "second", first.environment, ["--gateway-only", "--workspace", str(tmp_path / "others.yaml")]
    )
    try:
        assert second.child("dagster") is None
        assert second.ready()
        assert second.get("/api/sync/calendar/prune").json()["success"] is True
        assert second.stop() < STOP_SECONDS
        assert first.ready()
    finally:
        if second.process.poll() is None:
            second.process.kill()
            second.process.wait()


# The end


def family_of(whole: Whole) -> list[psutil.Process]:
    """Everything that it started, run workers too."""
    return psutil.Process(whole.process.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them lives."""
    return not [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_within_ten_seconds(new_whole: Callable[..., Whole], number: int) -> None:
    whole = new_whole()
    until(whole.ready, 60, "all parts are ready")
    family = family_of(whole)
    assert len(family) >= 2

    took = whole.stop(number)

    assert whole.process.returncode == 0
    assert took < STOP_SECONDS
    assert gone(family)
    assert "Traceback" not in whole.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_so_does_it_when_a_script_started_it_in_the_background(
    env: dict[str, str], tmp_path: Path, number: int
) -> None:
    (tmp_path / "serve.log").touch()
    (tmp_path / "script").write_text(f"{RATINGO} serve --port 0 > serve.log 2>&1 &\necho $!\nwait\n")
    command: list[str | Path] = ["bash", tmp_path / "script"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout
        pid = int(script.stdout.readline())
        try:
            whole = attach(tmp_path, env, script)  # type: ignore[arg-type]
            until(whole.ready, 60, "all parts are ready")
            family = psutil.Process(pid).children(recursive=True)
            began = monotonic()

            os.kill(pid, number)

            script.wait(STOP_SECONDS)
            assert monotonic() - began < STOP_SECONDS
            assert gone(family)
        finally:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


def test_a_stop_amid_a_run_ends_the_run_and_those_who_wait_for_it(
    new_whole: Callable[..., Whole], sandbox: RunningSandbox
) -> None:
    whole = new_whole()
    until(whole.ready, 60, "all parts are ready")
    sandbox.faults({"kind": "latency", "ms": 5000})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(whole.get, "/api/sync/trending")
        run_id = until(lambda: in_flight(whole), 60, "the run is under way")
        family = family_of(whole)

        took = whole.stop()

        answer = waiting.result()
    sandbox.faults()
    assert took < STOP_SECONDS
    assert gone(family)
    # The run's end is told to those who still wait, if it comes before the server stops.
    assert answer.json()["runId"] == run_id
    assert (answer.status_code, answer.json()["success"]) in {(202, True), (200, False)}
    again = new_whole()
    run = again.run(run_id)
    assert (run["complete"], run["success"], run["status"]) == (True, False, "FAILURE")
    assert again.get("/api/sync/trending").json()["success"] is True


def in_flight(whole: Whole) -> str | None:
    """The run that is under way."""
    query = "{ runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"
    found = whole.graphql(query)["runsOrError"]["results"]
    return str(found[0]["runId"]) if found else None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_what_it_started_does_not_outlive_it_when_it_is_killed_outright(new_whole: Callable[..., Whole]) -> None:
    whole = new_whole()
    until(whole.ready, 60, "all parts are ready")
    family = family_of(whole)

    whole.process.kill()
    whole.process.wait()

    until(lambda: gone(family), 20, "its children have ended")
    assert new_whole().get("/api/sync/trending/status").json()["success"] is True
