"""Two syncs at once on PostgreSQL as others set it up, as real processes: every title is stored, and nothing fails."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.processes import environment, start

LISTED = 30
SET_UP = {
    "repeatable read": "ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'",
    "serializable": "ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'",
    "lock_timeout": "ALTER DATABASE {database} SET lock_timeout = '5ms'",
    "six connections": "ALTER ROLE guest_of_many CONNECTION LIMIT 6",
    "two connections": "ALTER ROLE guest_of_many CONNECTION LIMIT 2",
    "encoding and clock": "ALTER ROLE guest_of_many SET client_encoding = 'LATIN1'; "
    "ALTER ROLE guest_of_many SET timezone = 'Asia/Tokyo'; ALTER ROLE guest_of_many SET datestyle = 'German'",
}

pytestmark = pytest.mark.e2e


@pytest.fixture
def guest(postgres_url: Callable[..., str]) -> Iterator[Database]:
    """The database by a user whom limits of connections hold for; superusers know none."""
    owner = Database(postgres_url())
    with owner.writing() as conn:
        conn.execute(text("CREATE ROLE guest_of_many LOGIN"))
        for schema in ("public", "pipeline"):
            conn.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO guest_of_many"))
            conn.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO guest_of_many"))
            conn.execute(text(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO guest_of_many"))
    yield owner
    with owner.writing() as conn:
        conn.execute(text("DROP OWNED BY guest_of_many"))
        conn.execute(text("DROP ROLE guest_of_many"))
    owner.dispose()


@pytest.mark.parametrize("how", SET_UP)
def test_two_syncs_at_once_store_every_title(
    guest: Database, sandbox: RunningSandbox, tmp_path: Path, how: str
) -> None:
    with guest.writing() as conn:
        conn.execute(text(SET_UP[how].format(database=guest.url.database)))
    url = guest.url.set(username="guest_of_many").render_as_string(hide_password=False)
    env = environment(sandbox, tmp_path / "home", DATABASE_URL=url, TRENDING_LIMIT=str(LISTED))

    running = [start("sync", str(medium), env=env, cwd=tmp_path) for medium in MEDIA]
    told = [process.communicate(timeout=300) for process in running]

    assert [process.returncode for process in running] == [0, 0], told
    for medium in MEDIA:
        assert differences(guest, medium, sandbox.truth(medium, LISTED)) == []
