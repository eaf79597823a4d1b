"""Rate limits as the server counts them: between threads, between processes, over restarts."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import monotonic, sleep, time

import pytest
from pydantic import SecretStr

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.errors import SourceUnavailable
from ratingo_pipelines.sources.http.limits import FILE_NAME, RateLimiter, open_rate_limiter, rates_of
from ratingo_pipelines_tests.sources.apis import NO_LIMIT, api_of
from ratingo_pipelines_tests.sources.http.misbehaving import misbehaving_server, sends

ASK_FROM_SIXTEEN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines_tests.sources.apis import api_of

url, folder, count, *windows = sys.argv[1:]
with api_of(url, state_dir=Path(folder), windows=tuple(map(RateLimit.parse, windows)), timeout_seconds=10) as api:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(api.get, [f"/{number}" for number in range(int(count))]))
    assert api.requests == int(count)
"""


def arrivals_of_two_processes(folder: Path, count: int, *windows: RateLimit) -> list[float]:
    """Have two processes of sixteen threads each ask for `count` things; return when they arrived."""
    with misbehaving_server() as server:
        command = [
            sys.executable,
            "-c",
            ASK_FROM_SIXTEEN_THREADS,
            server.url,
            str(folder),
            str(count),
            *map(str, windows),
        ]
        processes = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(2)]
        assert [process.wait(60) for process in processes] == [0, 0]
        return sorted(arrival.at for arrival in server.arrivals)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return arrivals_of_two_processes(tmp_path_factory.mktemp("state"), 120, RateLimit(40, 1))


def most_in_any(seconds: float, moments: list[float]) -> int:
    return max(sum(start <= moment < start + seconds for moment in moments) for start in moments)


def turnstile(folder: Path | None, *windows: RateLimit) -> RateLimiter:
    return open_rate_limiter(windows, folder, "trakt_0123")


def seconds_to_pass(door: RateLimiter) -> float:
    started = monotonic()
    door.try_acquire()
    return monotonic() - started


def test_two_processes_keep_the_limit_together(two_processes: list[float]) -> None:
    assert len(two_processes) == 240
    assert most_in_any(1, two_processes) <= 40


def test_the_limit_is_used_up_to_95_percent(two_processes: list[float]) -> None:
    # How long forty requests took, as a rule: a machine that is busy otherwise may make them wait now and then.
    assert median(later - earlier for earlier, later in pairwise(two_processes[::40])) <= 1 / 0.95


def test_all_windows_hold_at_once(tmp_path: Path) -> None:
    moments = arrivals_of_two_processes(tmp_path, 50, RateLimit(20, 1), RateLimit(50, 3))
    assert len(moments) == 100
    assert most_in_any(1, moments) <= 20
    assert most_in_any(3, moments) <= 50


def test_a_new_process_knows_what_the_last_one_sent(tmp_path: Path) -> None:
    with misbehaving_server() as server:
        for number in range(2):
            with api_of(server.url, state_dir=tmp_path, windows=(RateLimit(1, 1),)) as api:
                api.get(f"/{number}")
        assert server.arrivals[1].at - server.arrivals[0].at >= 1


def test_another_key_does_not_use_up_the_limit_of_this_one(tmp_path: Path) -> None:
    started = monotonic()
    with misbehaving_server() as server:
        for key in ("one", "two"):
            secret = {"trakt-api-key": SecretStr(key)}
            with api_of(server.url, state_dir=tmp_path, windows=(RateLimit(1, 30),), secret_headers=secret) as api:
                api.get("/a")
    assert monotonic() - started < 5


def test_retries_pass_the_limit_too() -> None:
    with misbehaving_server(a=[sends({}, 500), sends(1)]) as server:
        with api_of(server.url, windows=(RateLimit(1, 1),)) as api:
            api.get("/a")
        assert server.arrivals[1].at - server.arrivals[0].at >= 1


def test_a_request_that_was_slow_to_go_out_counts_from_then() -> None:
    door = turnstile(None, RateLimit(1, 1))
    door.try_acquire()
    sleep(0.2)
    door.sending()
    door.answered()
    assert 1 <= seconds_to_pass(door) < 1.1


def test_a_request_that_was_too_slow_to_go_out_needs_another_grant() -> None:
    door = turnstile(None, RateLimit(1, 1))
    door.try_acquire()
    sleep(0.3)
    started = monotonic()
    door.sending()
    assert 0.7 < monotonic() - started < 0.8


def test_what_an_answer_took_longer_than_the_fastest_may_have_been_the_way_there() -> None:
    door = turnstile(None, RateLimit(20, 1))
    for journey in (*[0.001] * 19, 0.2):
        door.try_acquire()
        door.sending()
        sleep(journey)
        door.answered()
    sleep(0.9)
    for _ in range(19):
        door.try_acquire()
    assert 0.01 < seconds_to_pass(door) < 0.2


def test_a_server_that_thinks_for_long_does_not_hold_up_the_others() -> None:
    door = turnstile(None, RateLimit(1, 1))
    door.try_acquire()
    door.sending()
    sleep(1.3)
    door.answered()
    assert seconds_to_pass(door) < 0.1


def test_a_clock_that_was_set_back_does_not_bar_the_way(tmp_path: Path) -> None:
    door = turnstile(tmp_path, RateLimit(1, 1))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        an_hour_ahead = int((time() + 3600) * 1000)
        connection.execute("INSERT INTO bucket_trakt_0123 VALUES ('', ?)", (an_hour_ahead,))
        connection.commit()
    assert seconds_to_pass(door) < 0.5


def test_what_left_the_windows_is_deleted(tmp_path: Path) -> None:
    door = turnstile(tmp_path, *NO_LIMIT)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("INSERT INTO bucket_trakt_0123 VALUES ('', 0)")
        connection.commit()
        for _ in range(300):
            door.try_acquire()
        assert connection.execute("SELECT min(item_timestamp) FROM bucket_trakt_0123").fetchone()[0] > 0


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 1000)
    assert seconds_to_pass(turnstile(tmp_path, RateLimit(1, 1))) < 0.5


def test_a_folder_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceUnavailable, match="rate limits cannot be kept in"):
        api_of("http://127.0.0.1:1", state_dir=tmp_path / "file")


def test_a_file_that_breaks_later_stops_requests_instead_of_exceeding_the_limit(tmp_path: Path) -> None:
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a")
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            (table,) = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
            connection.execute(f"DROP TABLE {table}")
        with pytest.raises(SourceUnavailable, match="no such table"):
            api.get("/b")
        assert server.count() == 1


def test_without_a_folder_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with misbehaving_server() as server, api_of(server.url, state_dir=None) as api:
        api.get("/a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("windows", "kept"),
    [
        (["500/300", "20/1"], [(20, 1020), (500, 300_250)]),
        (["40/1"], [(40, 1020)]),
        (["100000/1", "500/300"], [(500, 300_250)]),
        (["20/1", "20/1"], [(20, 1020)]),
        (["10/1", "100/5"], [(10, 1020)]),
        (["50/1", "20/1"], [(20, 1020)]),
    ],
)
def test_windows_that_others_imply_are_left_out(windows: list[str], kept: list[tuple[int, int]]) -> None:
    assert [(rate.limit, rate.interval) for rate in rates_of(map(RateLimit.parse, windows))] == kept
