"""Several syncs at once, and syncs that are killed, as real processes on both back ends."""

import logging
import random
import signal
from pathlib import Path

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import trending
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.installation import until
from ratingo_pipelines_tests.sync.processes import environment, kill_when, ratingo, report_of, start
from ratingo_pipelines_tests.sync.syncing import RUN, all_rows, eligible, limited

pytestmark = pytest.mark.long

LISTED = 30
KILLS = 20
SEED = 20
EPOCHS = 6
"""So long nothing is gone for which the source's word would be doubted until it has said so twice: no season ends."""

log = logging.getLogger(__name__)


def done_in_latest_cycle(database: Database) -> set[int]:
    rows = all_rows(database, trending)
    return {row["tmdb_id"] for row in rows if row["cycle_id"] == rows[-1]["cycle_id"] and row["outcome"] == "done"}


def test_two_syncs_of_the_same_cycle_lose_no_title_and_show_no_error(
    ctx: SyncContext, sandbox: RunningSandbox, database_url: str, tmp_path: Path
) -> None:
    open_trending_cycle(limited(ctx, LISTED), SHOWS, RUN)
    env = environment(sandbox, tmp_path / "home", DATABASE_URL=database_url)
    running = [start("sync", "shows", "--resume", "--json", env=env, cwd=tmp_path) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    assert all("rror" not in err for _, err in told)
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, LISTED)) == []
    counters = sandbox.counters()
    assert counters["trakt"]["repeated"] == {}
    assert counters["tmdb"]["endpoints"]["/{medium}/{id}"] <= LISTED


def test_two_syncs_that_each_open_a_cycle_lose_no_title_and_show_no_error(
    ctx: SyncContext, sandbox: RunningSandbox, database_url: str, tmp_path: Path
) -> None:
    env = environment(sandbox, tmp_path / "home", DATABASE_URL=database_url, TRENDING_LIMIT=str(LISTED))
    running = [start("sync", "shows", env=env, cwd=tmp_path) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    assert done_in_latest_cycle(ctx.database) == set(eligible(sandbox.truth(SHOWS, LISTED)))
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, LISTED)) == []


def test_kills_at_random_moments_leave_every_title_whole(
    database: Database, sandbox: RunningSandbox, database_url: str, tmp_path: Path
) -> None:
    """With `--log-cli-level=INFO` it says where each kill struck."""
    dice = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    env = environment(
        sandbox,
        tmp_path / "home",
        DATABASE_URL=database_url,
        TRENDING_LIMIT=str(LISTED),
        LEASE_SECONDS="1",
        CONCURRENCY="4",
    )
    in_the_middle = []
    for epoch in range(KILLS):
        sandbox.reset()
        # Each sync finds other facts, so that a row and children of different syncs would show.
        sandbox.control("epoch", {"epoch": epoch % EPOCHS})
        sandbox.faults({"kind": "latency", "ms": 25, "jitter": 20, "seed": epoch})
        truth = sandbox.truth(SHOWS, LISTED)
        count = len(eligible(truth))
        moment = dice.randrange(3, count - 3)

        def asked() -> int:
            """Titles asked about so far, all of whose answers were sent but the last ones'."""
            trakt = sandbox.counters().get("trakt", {"endpoints": {}})
            return int(trakt["endpoints"].get("/{medium}/{id}/ratings", 0))

        process = start("sync", "shows", env=env, cwd=tmp_path)
        assert kill_when(process, lambda moment=moment: asked() > moment)  # type: ignore[misc]
        done = done_in_latest_cycle(database)
        in_the_middle.append(0 < len(done) < count and moment < asked() < count)
        log.info("kill %d: %d of %d titles asked about, %d stored", epoch + 1, asked(), count, len(done))
        torn = differences(database, SHOWS, truth, without=set(eligible(truth)) - done, ignoring=["related"])
        assert torn == [], f"after kill {epoch + 1}, at title {moment}"
    assert in_the_middle.count(True) * 2 >= KILLS
    sandbox.reset()
    sandbox.control("epoch", {"epoch": KILLS % EPOCHS})
    after = ratingo("sync", "shows", "--json", env=env, cwd=tmp_path)
    assert after.returncode == 0, after.stdout
    truth = sandbox.truth(SHOWS, LISTED)
    assert report_of(after)["titles"]["succeeded"] == len(eligible(truth))
    assert differences(database, SHOWS, truth, ignoring=["related", "watchers_delta"]) == []
    log.info("one more sync: %d titles, no fact wrong", len(eligible(truth)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_sync_says_how_to_go_on_and_leaves_nothing_claimed(
    database: Database, sandbox: RunningSandbox, database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    others = {"DATABASE_URL": database_url, "TRENDING_LIMIT": str(LISTED), "CONCURRENCY": "2"}
    env = environment(sandbox, tmp_path / "home", **others)
    sandbox.faults({"kind": "latency", "ms": 200})
    process = start("sync", "shows", env=env, cwd=tmp_path)
    until(lambda: all_rows(database, trending) and len(done_in_latest_cycle(database)) > 2, 60, "some are stored")

    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert said.splitlines()[-1] == (
        "ratingo: interrupted; what was stored is kept. Go on with `ratingo sync shows --resume`."
    )
    assert "Traceback" not in said
    done, truth = done_in_latest_cycle(database), sandbox.truth(SHOWS, LISTED)
    assert 2 < len(done) < len(eligible(truth))
    sandbox.faults()
    resumed = ratingo("sync", "shows", "--resume", "--json", env=env, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert report_of(resumed)["titles"]["succeeded"] == len(eligible(truth)) - len(done)
    assert differences(database, SHOWS, truth) == []


def test_a_killed_sync_is_taken_up_where_it_stopped(
    database: Database, sandbox: RunningSandbox, database_url: str, tmp_path: Path
) -> None:
    env = environment(
        sandbox,
        tmp_path / "home",
        DATABASE_URL=database_url,
        TRENDING_LIMIT=str(LISTED),
        LEASE_SECONDS="1",
        CONCURRENCY="2",
    )
    sandbox.faults({"kind": "latency", "ms": 30})
    process = start("sync", "shows", env=env, cwd=tmp_path)
    assert kill_when(process, lambda: len(all_rows(database, trending)) > 0 and len(done_in_latest_cycle(database)) > 4)
    done = done_in_latest_cycle(database)
    sandbox.faults()
    truth = sandbox.truth(SHOWS, LISTED)
    for _ in range(20):
        resumed = ratingo("sync", "shows", "--resume", "--json", env=env, cwd=tmp_path)
        assert resumed.returncode == 0, resumed.stderr
        if done_in_latest_cycle(database) == set(eligible(truth)):
            break
        assert "another run" in report_of(resumed)["titles"]["notes"][0]
    assert report_of(resumed)["titles"]["succeeded"] == len(eligible(truth)) - len(done)
    assert differences(database, SHOWS, truth) == []
