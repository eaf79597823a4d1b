"""Who is let through when: by a handed clock; and that threads and processes share one limit."""

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.http.grants import FILE_NAME, LimiterError, Window, windows_of
from ratingo_pipelines.sources.http.limits import RateLimiter, open_rate_limiter
from ratingo_pipelines_tests.sources.apis import NO_LIMIT, HandedClock, api_of
from ratingo_pipelines_tests.sources.http.misbehaving import misbehaving_server, sends

ASK_FROM_SIXTEEN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.http.limits import RateLimiter
from ratingo_pipelines_tests.sources.apis import api_of

granted = []
wait_in_line = RateLimiter._wait_in_line

def noting(limiter, pause):
    granted.append(wait_in_line(limiter, pause))
    return granted[-1]

RateLimiter._wait_in_line = noting
url, folder, count, *windows = sys.argv[1:]
with api_of(url, state_dir=Path(folder), windows=tuple(map(RateLimit.parse, windows)), timeout_seconds=30) as api:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(api.get, [f"/{number}" for number in range(int(count))]))
    assert api.requests == int(count)
print(*granted)
"""


def grants_of_two_processes(folder: Path, count: int, *windows: RateLimit) -> list[int]:
    """Have two processes of sixteen threads each ask for `count` things; return when they were let through (ms)."""
    with misbehaving_server() as server:
        command: list[str] = [
            sys.executable,
            "-c",
            ASK_FROM_SIXTEEN_THREADS,
            server.url,
            str(folder),
            str(count),
            *map(str, windows),
        ]
        running = [
            subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [process.communicate(timeout=60)[0] for process in running]
        assert [process.returncode for process in running] == [0, 0]
        assert server.count() == 2 * count
        return sorted(int(moment) for line in said for moment in line.split())


def most_in_any(milliseconds: int, moments: list[int]) -> int:
    return max(sum(start <= moment < start + milliseconds for moment in moments) for start in moments)


def limiter_of(clock: HandedClock, *limits: str, folder: Path | None = None) -> RateLimiter:
    return open_rate_limiter(map(RateLimit.parse, limits), folder, "Trakt\nurl\nkey", clock)


def moments(limiter: RateLimiter, clock: HandedClock, count: int) -> list[int]:
    """When so many requests in a row are let through, in ms from now."""
    began = clock.milliseconds()
    found = []
    for _ in range(count):
        limiter.acquire()
        found.append(clock.milliseconds() - began)
    return found


def seconds_to_pass(limiter: RateLimiter, clock: HandedClock) -> float:
    return moments(limiter, clock, 1)[0] / 1000


def rows(folder: Path) -> list[int]:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        [table] = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [at for (at,) in connection.execute(f"SELECT at FROM {table} ORDER BY at")]  # noqa: S608


def test_two_processes_of_many_threads_keep_all_windows_together(tmp_path: Path) -> None:
    granted = grants_of_two_processes(tmp_path, 30, RateLimit(20, 1), RateLimit(30, 2))
    assert len(granted) >= 60
    assert most_in_any(1000, granted) <= 20
    assert most_in_any(2000, granted) <= 30


def test_the_limit_is_kept_and_used_up_to_95_percent() -> None:
    clock = HandedClock()
    found = moments(limiter_of(clock, "40/1"), clock, 400)
    assert most_in_any(1000, found) == 40
    assert found[-1] / 1000 <= 400 / 40 / 0.95


def test_within_a_window_requests_may_go_at_once() -> None:
    clock = HandedClock()
    found = moments(limiter_of(clock, "500/300", "20/1"), clock, 1000)
    assert found[:20] == [0] * 20
    assert most_in_any(1000, found) == 20
    assert most_in_any(300_000, found) == 500


def test_a_new_process_knows_what_the_last_one_sent(tmp_path: Path) -> None:
    clock = HandedClock()
    first = limiter_of(clock, "1/1", folder=tmp_path)
    first.acquire()
    first.close()
    assert seconds_to_pass(limiter_of(clock, "1/1", folder=tmp_path), clock) >= 1


def test_another_key_does_not_use_up_the_limit_of_this_one(tmp_path: Path) -> None:
    with misbehaving_server() as server:
        for key in ("key-of-the-first", "key-of-the-second"):
            secret = {"trakt-api-key": SecretStr(key)}
            with api_of(server.url, state_dir=tmp_path, windows=(RateLimit(1, 300),), secret_headers=secret) as api:
                api.get("/a")
        assert server.count() == 2


def test_retries_pass_the_limit_too() -> None:
    with misbehaving_server(a=[sends({}, 500), sends(1)]) as server:
        with api_of(server.url, windows=(RateLimit(1, 1),)) as api:
            api.get("/a")
        assert server.arrivals[1].at - server.arrivals[0].at >= 1


def test_nobody_is_let_through_during_a_pause_and_after_it_the_limit_is_asked_anew() -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "1/1")
    limiter.acquire()
    pauses = iter([3.0, 0.5, 0.0, 0.0])
    began = clock.now
    limiter.acquire(lambda: next(pauses))
    assert round(clock.now - began, 3) == 3.5
    assert round(limiter.seconds_waited, 3) == 3.5


def test_a_request_that_was_slow_to_go_out_counts_from_then() -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "1/1")
    grant = limiter.acquire()
    clock.now += 0.2
    grant.sending()
    grant.answered()
    assert 1 <= seconds_to_pass(limiter, clock) <= 1.02


def test_a_request_that_was_too_slow_to_go_out_needs_another_grant() -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "1/1")
    grant = limiter.acquire()
    clock.now += 0.3
    began = clock.now
    grant.sending()
    assert round(clock.now - began, 3) == 0.72


def test_what_an_answer_took_longer_than_the_fastest_may_have_been_the_way_there() -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "20/1")
    for journey in (*[0.001] * 19, 0.2):
        grant = limiter.acquire()
        grant.sending()
        clock.now += journey
        grant.answered()
    # The last one may have arrived 0.2 s after it was sent, when the others were long there.
    found = moments(limiter, clock, 20)
    assert found[18] - found[0] < 20
    assert 100 < found[19] - found[18] < 200


def test_a_server_that_thinks_for_long_does_not_hold_up_the_others() -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "1/1")
    grant = limiter.acquire()
    grant.sending()
    clock.now += 1.3
    grant.answered()
    assert seconds_to_pass(limiter, clock) == 0


@pytest.mark.parametrize("hours", [-1, -48, 1])
def test_a_clock_that_was_set_does_not_bar_the_way(tmp_path: Path, hours: int) -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "1/1", folder=tmp_path)
    limiter.acquire()
    clock.now += hours * 3600
    assert seconds_to_pass(limiter, clock) <= 0.01


def test_what_left_the_windows_is_deleted(tmp_path: Path) -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "1000/1", "2000/5", folder=tmp_path)
    moments(limiter, clock, 300)
    clock.now += 6
    moments(limiter, clock, 300)
    assert len(rows(tmp_path)) < 400


def test_closing_releases_the_file_and_lets_nobody_through() -> None:
    limiter = limiter_of(HandedClock(), "1/1")
    grant = limiter.acquire()
    grant.sending()
    limiter.close()
    grant.answered()
    with pytest.raises(LimiterError, match="closed"):
        limiter.acquire()


# What the file suffers while it is used. The limit holds for what this process was granted, whatever happens to it.


def spoil_a_page(folder: Path) -> None:
    with open(folder / FILE_NAME, "r+b") as file:
        file.seek(4096 + 8)
        file.write(b"\xff" * (4096 - 8))


def overwrite(folder: Path) -> None:
    (folder / FILE_NAME).write_bytes(b"no database at all" * 1000)


def cut(folder: Path) -> None:
    with open(folder / FILE_NAME, "r+b") as file:
        file.truncate(4096)


def drop_the_table(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        [table] = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
        connection.execute(f"DROP TABLE {table}")


def remove(folder: Path) -> None:
    for path in folder.glob(f"{FILE_NAME}*"):
        path.unlink()


def checkpointed(folder: Path) -> None:
    """Move what is in the write-ahead log into the file, where it can be spoilt."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("spoil", [spoil_a_page, overwrite, cut, drop_the_table, remove])
@pytest.mark.parametrize("closed", [True, False], ids=["between processes", "in use"])
def test_a_damaged_file_is_replaced_wherever_the_damage_shows(spoil: Any, closed: bool, tmp_path: Path) -> None:
    clock = HandedClock()
    limiter = limiter_of(clock, "300/10", "1000/300", folder=tmp_path)
    moments(limiter, clock, 290)
    if closed:
        limiter.close()
    checkpointed(tmp_path)
    spoil(tmp_path)
    if closed:
        limiter = limiter_of(clock, "300/10", "1000/300", folder=tmp_path)
        assert moments(limiter, clock, 10) == [0] * 10
    else:
        assert moments(limiter, clock, 11)[9:] == [0, 10_200]
    limiter.close()
    assert len(rows(tmp_path)) >= 10


def test_processes_that_use_a_file_follow_the_one_that_replaced_it(tmp_path: Path) -> None:
    clock = HandedClock()
    limiters = [limiter_of(clock, "10/10", folder=tmp_path) for _ in range(3)]
    for limiter in limiters:
        limiter.acquire()
    remove(tmp_path)
    # The first one makes a new file, with what it was granted itself; the others join in with theirs.
    for limiter in limiters:
        limiter.acquire()
    assert len(rows(tmp_path)) == 6
    assert moments(limiters[0], clock, 5) == [0, 0, 0, 0, 10_200]


@pytest.mark.parametrize("seed", range(12))
def test_bytes_that_turn_over_anywhere_end_no_process(seed: int, tmp_path: Path) -> None:
    clock, dice = HandedClock(), random.Random(seed)  # noqa: S311
    limiter = limiter_of(clock, "1000/300", folder=tmp_path)
    moments(limiter, clock, 500)
    limiter.close()
    checkpointed(tmp_path)
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    for _ in range(400):
        content[dice.randrange(len(content))] = dice.randrange(256)
    (tmp_path / FILE_NAME).write_bytes(content)
    limiter = limiter_of(clock, "1000/300", folder=tmp_path)
    assert len(moments(limiter, clock, 300)) == 300


def test_without_a_folder_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with misbehaving_server() as server, api_of(server.url, state_dir=None) as api:
        api.get("/a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (["500/300", "20/1"], [(20, 1020), (500, 300_250)]),
        (["40/1"], [(40, 1020)]),
        (["100000/1", "500/300"], [(500, 300_250)]),
        (["20/1", "20/1"], [(20, 1020)]),
        (["10/1", "100/5"], [(10, 1020)]),
        (["50/1", "20/1"], [(20, 1020)]),
    ],
)
def test_windows_that_others_imply_are_left_out(limits: list[str], kept: list[tuple[int, int]]) -> None:
    assert windows_of(map(RateLimit.parse, limits)) == tuple(Window(*one) for one in kept)


def test_limits_that_no_test_runs_into_are_none() -> None:
    clock = HandedClock()
    assert moments(limiter_of(clock, *map(str, NO_LIMIT)), clock, 300) == [0] * 300
