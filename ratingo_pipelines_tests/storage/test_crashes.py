"""A writer that dies at any moment leaves every title whole: its row and all its children of one version."""

import random
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage import workers
from ratingo_pipelines_tests.storage.examples import rows_of, save_title

pytestmark = pytest.mark.long

SHOW = tables_of(SHOWS)
KILLS = 5


def _assert_whole(database: Database) -> None:
    versions = {row["id"]: row["rating_tmdb_count"] for row in rows_of(database, SHOW.titles) if row["tmdb_id"] != 99}
    for name, column, each in (
        ("rating_buckets", "count", 10),
        ("watch_providers", "rank", 12),
        ("cast", "order", 12),
        ("ratings", "votes", 1),
    ):
        rows = rows_of(database, getattr(SHOW, name))
        found = {title_id: [row[column] for row in rows if row["show_id"] == title_id] for title_id in versions}
        assert found == {title_id: [version] * each for title_id, version in versions.items()}, name


def test_a_writer_killed_at_any_moment_leaves_every_title_whole(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "versions.txt"
    log.touch()
    seconds = random.Random(7)  # noqa: S311 - a moment, not a secret
    for _ in range(KILLS):
        begun = log.stat().st_size
        writer = get_context("spawn").Process(target=workers.store_forever, args=(database_url, str(log)))
        writer.start()
        while log.stat().st_size == begun:
            assert writer.is_alive()
            time.sleep(0.005)
        time.sleep(seconds.uniform(0, 0.3))
        writer.kill()
        writer.join()
        _assert_whole(database)

    for tmdb_id in range(1, 11):
        save_title(database, tmdb_id, 1_000, related=[99])
    _assert_whole(database)
    assert {row["rating_tmdb_count"] for row in rows_of(database, SHOW.titles) if row["tmdb_id"] != 99} == {1_000}
