"""What the tests let other processes do to a database. Each function is a whole process' work."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import airings, asked, cycles, failures, monthly, quota, shared
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import NOW, PATIENCE, save_title

THREADS = 8


def together(work: Callable[..., Any], url: str, arguments: Sequence[Any]) -> list[Any]:
    """Run `work(url, argument)` for each argument, each in a process of its own, at the same time."""
    with ProcessPoolExecutor(len(arguments), mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, [url] * len(arguments), arguments))


def put_shared_rows(url: str, seed: int) -> list[dict[int, int]]:
    """Write overlapping genres, providers and stubs from many threads, each in an order of its own."""
    database = Database(url)

    def once(turn: int) -> dict[int, int]:
        ids = [1 + (seed + turn * 7 + step * 11) % 60 for step in range(30)]
        with database.writing() as conn:
            genres = shared.put_genres(conn, [(i, f"Genre {i} of {turn % 2}", f"Жанр {i}") for i in ids])
        with database.writing() as conn:
            shared.put_providers(conn, [(i, f"Provider {i} of {turn % 2}", None) for i in ids])
        with database.writing() as conn:
            shared.put_stubs(conn, tables_of(SHOWS), [{"tmdb_id": i, "title": f"Stub {i}"} for i in ids])
        return genres

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(once, range(40)))
    database.dispose()
    return found


def put_titles(url: str, process: int) -> int:
    """Store the same 40 titles, related to each other, from many threads; the titles are new to all."""
    database = Database(url)

    def once(turn: int) -> int:
        tmdb_id = 1 + (turn * 7 + process * 13) % 40
        related = [1 + (tmdb_id * step) % 40 for step in (3, 11, 17, 23)]
        return save_title(database, tmdb_id, version=process, related=sorted(set(related) - {tmdb_id}), at=NOW)

    with ThreadPoolExecutor(THREADS) as pool:
        stored = len(list(pool.map(once, range(40))))
    database.dispose()
    return stored


def claim_all(url: str, run_id: str) -> list[int]:
    """Claim the latest cycle's titles five at a time and mark them done; the ranks claimed."""
    database = Database(url)
    claimed: list[int] = []
    while True:
        with database.writing() as conn:
            cycle = cycles.latest_cycle(conn, SHOWS)
            assert cycle is not None
            titles = cycles.claim(conn, cycle.id, run_id, NOW + timedelta(minutes=1), NOW, limit=5)
        if not titles:
            break
        claimed += [title.rank for title in titles]
        with database.writing() as conn:
            cycles.renew(conn, run_id, NOW + timedelta(minutes=2))
        for title in reversed(titles):
            with database.writing() as conn:
                assert cycles.mark(conn, title.row_id, run_id, "done")
    database.dispose()
    return claimed


def open_cycles(url: str, run_id: str) -> list[str]:
    """Open ten cycles, all asked for at the same instant; the times they got."""
    database = Database(url)
    times = []
    entries = [cycles.Entry(rank, rank, rank, None, None, f"Title {rank}", None, 10) for rank in range(1, 21)]
    for _ in range(10):
        with database.writing() as conn:
            cycle = cycles.open_cycle(conn, SHOWS, NOW, entries, 10_000, run_id)
        with database.writing() as conn:
            cycles.claim(conn, cycle.id, run_id, NOW + timedelta(minutes=1), NOW)
        with database.writing() as conn:
            cycles.renew(conn, run_id, NOW + timedelta(minutes=2))
        times.append(cycle.cycle_at.isoformat())
    database.dispose()
    return times


def take_quota(url: str, count: int) -> int:
    """Take from the day's quota of 100 as often as said, from many threads; how often there was any left."""
    database = Database(url)

    def once(_: int) -> int:
        with database.writing() as conn:
            return quota.take(conn, "omdb", "2026-03-01", 100)

    with ThreadPoolExecutor(THREADS) as pool:
        taken = sum(pool.map(once, range(count)))
    database.dispose()
    return taken


def keep_books(url: str, process: int) -> int:
    """Write failures, questions asked, monthly lists and airings of the same titles as other processes do."""
    database = Database(url)
    rows = [
        {"show_id": None, "tmdb_id": show, "season": 1, "episode": episode, "title": f"{process}",
         "air_date": f"2026-03-{episode:02}T00:00:00.000Z"}
        for show in range(1, 6)
        for episode in range(1, 11)
    ]  # fmt: skip
    for turn in range(10):
        with database.writing() as conn:
            failures.record(
                conn, SHOWS, turn % 3, "details", "boom", NOW, spends_attempt=True, title=None, policy=PATIENCE
            )
        with database.writing() as conn:
            for tmdb_id in range(1, 30):
                asked.record_check(conn, SHOWS, tmdb_id, "omdb", NOW, answered=False)
        with database.writing() as conn:
            monthly.put_list(conn, SHOWS, f"2025-{turn + 1:02}", [(n, n, n) for n in range(1, 50)], NOW)
        with database.writing() as conn:
            airings.put_airings(conn, rows, [(NOW, NOW + timedelta(days=30))], set(range(1, 6)))
    database.dispose()
    return 10


def upgrade_schema(url: str, process: int) -> list[str]:
    """Bring the schema up to date; what still differs."""
    database = Database(url)
    left = upgrade(database)
    database.dispose()
    return left


def store_forever(url: str, path: str) -> None:
    """Store ten titles in ever newer versions until killed; a line in the file for each version begun."""
    database = Database(url)
    version = 0
    with Path(path).open("a", encoding="utf-8") as log:
        while True:
            version += 1
            log.write(f"{version}\n")
            log.flush()
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(partial(save_title, database, version=version, related=[99]), range(1, 11)))
