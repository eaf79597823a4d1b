"""The comparison of a database with the sandbox's truth notices what it is there to notice."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import genres, show_airings, tables_of, watch_providers_registry
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sync.syncing import eligible, run_cycle, settings_for

LISTED = 12
T = tables_of(SHOWS)


@pytest.fixture(scope="module")
def synced(running_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that one cycle filled."""
    running_sandbox.reset()
    settings = settings_for(running_sandbox, tmp_path_factory.mktemp("home"), trending_limit=LISTED)
    with open_sync_context(settings) as ctx:
        run_cycle(ctx)
    return settings.home / "ratingo.db"


@pytest.fixture
def database(synced: Path, tmp_path: Path) -> Iterator[Database]:
    """A copy to be spoilt."""
    copy = tmp_path / "copy.db"
    copy.write_bytes(synced.read_bytes())
    database = Database(f"sqlite:///{copy}")
    yield database
    database.dispose()


@pytest.fixture
def truth(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return sandbox.truth(SHOWS, LISTED)


def test_a_right_database_has_no_differences(database: Database, truth: list[dict[str, Any]]) -> None:
    assert differences(database, SHOWS, truth) == []


SPOILT: dict[str, Callable[[int], Any]] = {
    "overview": lambda i: update(T.titles).values(overview="Something else").where(T.titles.c.id == i),
    "title_uk": lambda i: update(T.titles).values(title_uk=None).where(T.titles.c.id == i),
    "watch_providers is": lambda i: update(T.titles).values(watch_providers=[]).where(T.titles.c.id == i),
    "delta_3m": lambda i: update(T.titles).values(delta_3m=0.5).where(T.titles.c.id == i),
    "trending_updated_at": lambda i: update(T.titles).values(trending_updated_at=None).where(T.titles.c.id == i),
    "rating_buckets": lambda i: update(T.rating_buckets).values(count=-1).where(T.rating_buckets.c.show_id == i),
    "ratings: ('trakt',) is missing": lambda i: delete(T.ratings).where(T.ratings.c.show_id == i),
    "translations": lambda i: update(T.translations).values(tagline="?").where(T.translations.c.show_id == i),
    "genres": lambda i: delete(T.genres).where(T.genres.c.show_id == i),
    "cast": lambda i: update(T.cast).values(order=99).where(T.cast.c.show_id == i),
    "snapshots": lambda i: delete(T.snapshots).where(T.snapshots.c.show_id == i),
    "related": lambda i: update(T.related).values(source="?").where(T.related.c.show_id == i),
    "content_ratings: ('DE',) is there": lambda i: insert(T.content_ratings).values(show_id=i, region="DE", rating="6"),
    "no row": lambda i: delete(T.titles).where(T.titles.c.id == i),
}


@pytest.mark.parametrize("told", SPOILT)
def test_a_spoilt_fact_is_told_with_its_title(database: Database, truth: list[dict[str, Any]], told: str) -> None:
    first = eligible(truth)[0]
    with database.migrating() as conn:
        title_id = conn.execute(select(T.titles.c.id).where(T.titles.c.tmdb_id == first)).scalar_one()
        conn.execute(SPOILT[told](title_id))
    found = differences(database, SHOWS, truth)
    assert found
    assert any(told in line for line in some(found))
    assert all(line.startswith(f"show {first}") for line in some(found))
    assert differences(database, SHOWS, truth, without=[first]) == []


def test_shared_rows_and_titles_that_should_not_be_listed_are_noticed(
    database: Database, truth: list[dict[str, Any]], sandbox: RunningSandbox
) -> None:
    with database.writing() as conn:
        conn.execute(update(genres).values(name_uk="?"))
        conn.execute(update(watch_providers_registry).values(name="?"))
        assert conn.execute(select(show_airings)).first() is None
    told = " ".join(differences(database, SHOWS, truth))
    assert "name_uk is '?'" in told
    assert "the registry knows" in told
    hidden = [{**truth[0], "skip": "anime"}]
    assert differences(database, SHOWS, hidden) == [f"show {truth[0]['tmdb']}: listed, though it is to be skipped"]
