"""No key ever shows: not in files, tables, output, reports or exceptions of syncs that fail in every way."""

import logging
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import MetaData, select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sync.airings import sync_calendar
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines_tests.sync.meddling import Meddler, Reply, meddling
from ratingo_pipelines_tests.sync.syncing import on_database, run_cycle
from ratingo_pipelines_tests.sync.test_hostile_values import base_urls

CANARIES = {
    "trakt_client_id": "canary-of-trakt-0123456789abcdef/+=",
    "tmdb_access_token": "canary-of-tmdb-token.eyJhbGciOiJ.x_y-z",
    "tmdb_api_key": "canary-of-tmdb-key&0123456789",
    "omdb_api_key": "canary-of-omdb 4711",
    "cron_secret": "canary-of-cron-0123456789-0123456789",
}
WORD = "canary"


class Breakdown:
    """Answers each request about a title differently wrong, and the others rightly."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, path: str, payload: Any) -> Any:
        if path.endswith(("/trending", "/list")) or "/monthly/" in path:
            return payload
        self.asked += 1
        wrong = [
            Reply(500, b'{"status_message": "internal"}'),
            Reply(200, b"<html>Maintenance</html>", {"Content-Type": "text/html"}),
            Reply(200, b'{"id": 1, "name": '),
            Reply(418, b"short and stout"),
            Reply(302, b"", {"Location": f"http://127.0.0.1:1{path}"}),
            {"id": "several"},
            payload,
        ]
        return wrong[self.asked % len(wrong)]


@pytest.fixture
def meddler(sandbox: RunningSandbox) -> Iterator[Meddler]:
    """Upstreams that take the canaries and fail in every way, quoting what they were asked."""
    keys = {
        CANARIES["trakt_client_id"]: sandbox.key_of("trakt"),
        CANARIES["tmdb_access_token"]: sandbox.key_of("tmdb"),
        CANARIES["tmdb_api_key"]: sandbox.key_of("tmdb"),
        CANARIES["omdb_api_key"]: sandbox.key_of("omdb"),
    }
    with meddling(sandbox, Breakdown(), keys) as running:
        yield running


@pytest.mark.usefixtures("quick_pauses")
@pytest.mark.parametrize(("tmdb", "back_end"), [("tmdb_access_token", "sqlite_url"), ("tmdb_api_key", "postgres_url")])
def test_no_key_is_in_anything_that_a_failing_sync_leaves_behind(
    meddler: Meddler,
    settings: Settings,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmdb: str,
    back_end: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    other = ({"tmdb_access_token", "tmdb_api_key"} - {tmdb}).pop()
    keys = {name: SecretStr(value) for name, value in CANARIES.items()} | {other: None}
    chosen = on_database(settings, request.getfixturevalue(back_end)()).model_copy(
        update={**keys, **base_urls(meddler.environment()), "trending_limit": 8}
    )
    said: list[str] = [repr(chosen), str(chosen)]
    with open_sync_context(chosen) as ctx:
        said += attempt(ctx, lambda: run_cycle(ctx))
        said += attempt(ctx, lambda: backfill_meta(ctx, SHOWS, "run", limit=8))
        said += attempt(ctx, lambda: backfill_omdb(ctx, SHOWS, limit=8))
        said += attempt(ctx, lambda: sync_calendar(ctx))
        said += list(table_texts(ctx))
    captured = capfd.readouterr()
    said += [captured.out, captured.err, caplog.text]
    assert meddler.edit.asked > 2 * 7  # type: ignore[attr-defined]
    assert [text for text in said if WORD in text] == []
    assert list(files_with(tmp_path, WORD)) == []


@pytest.mark.usefixtures("quick_pauses")
@pytest.mark.parametrize("name", ["trakt_client_id", "tmdb_access_token", "tmdb_api_key", "omdb_api_key"])
def test_no_refused_key_is_in_the_message_that_says_so(
    settings: Settings, sqlite_url: Callable[[], str], name: str
) -> None:
    wrong: dict[str, Any] = {name: SecretStr(CANARIES[name])}
    if name == "tmdb_api_key":
        wrong["tmdb_access_token"] = None
    chosen = on_database(settings, sqlite_url()).model_copy(update={**wrong, "trending_limit": 3})
    with open_sync_context(chosen) as ctx:
        said = attempt(ctx, lambda: run_cycle(ctx)) + attempt(ctx, lambda: backfill_omdb(ctx, SHOWS, limit=3))
        said += list(table_texts(ctx))
    assert [text for text in said if WORD in text] == []
    assert [text for text in said if name.upper() in text], "the message names the variable"


def attempt(ctx: SyncContext, act: Any) -> list[str]:
    """All that is told of an act: its report, or its exception with whatever caused it."""
    try:
        told = act()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not show a key
        return ["".join(traceback.format_exception(error)), *chain(error)]
    reports = told if isinstance(told, tuple) else (told,)
    return [repr(report) for report in reports] + [str(report.as_dict()) for report in reports]


def chain(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error!r} {error} {vars(error)}"
        error = error.__cause__ or error.__context__


def table_texts(ctx: SyncContext) -> Iterator[str]:
    metadata = MetaData()
    metadata.reflect(ctx.database.engine)
    if ctx.database.pipeline_schema:
        metadata.reflect(ctx.database.engine, schema=ctx.database.pipeline_schema)
    with ctx.database.reading() as conn:
        for table in metadata.tables.values():
            for row in conn.execute(select(table)):
                yield str(row)


def files_with(folder: Path, word: str) -> Iterator[str]:
    """Files below the folder that hold the word, packed or not."""
    for path in (path for path in folder.rglob("*") if path.is_file()):
        if word.encode() in path.read_bytes():
            yield str(path)
        if path.name == "http-cache.sqlite":
            yield from (f"{path}: {key}" for key in unpacked(path) if word in key)


def unpacked(cache: Path) -> Iterator[str]:
    import zlib

    with closing(sqlite3.connect(cache)) as connection:
        for url, headers, body in connection.execute("SELECT url, headers, body FROM responses"):
            yield f"{url} {headers} {zlib.decompress(body).decode('latin-1')}"
