"""Keys go to the API and nowhere else."""

import logging
import pickle
import sqlite3
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import AccessDenied, SourceError
from ratingo_pipelines.sources.http import cache, grants
from ratingo_pipelines.sources.omdb import open_omdb
from ratingo_pipelines.sources.scrub import register_secrets, scrub
from ratingo_pipelines.sources.tmdb import open_tmdb
from ratingo_pipelines.sources.trakt import open_trakt
from ratingo_pipelines_tests.sources.apis import api_of, config_of
from ratingo_pipelines_tests.sources.http.misbehaving import (
    Behaviour,
    Connection,
    cuts_the_body,
    hangs,
    misbehaving_server,
    resets,
    sends,
)

HEADER_KEY = "canary/header+key=="
URL_KEY = "canary-url key"
SECRETS: dict[str, Any] = {
    "secret_headers": {"Authorization": SecretStr(f"Bearer {HEADER_KEY}")},
    "secret_params": {"apikey": SecretStr(URL_KEY)},
}


def tells_tales(connection: Connection, headers: dict[str, str]) -> bool:
    """Repeat what it was told in its error, as some APIs do."""
    body = f"No: {headers['Authorization']} {URL_KEY} {quote(URL_KEY)}".encode()
    connection.write(400, {"Content-Type": "text/plain"}, body)
    return True


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


FAILURES = {
    "reset": resets,
    "hang": hangs,
    "cut": cuts_the_body,
    "500": sends({}, 500),
    "429": sends({}, 429, Retry_After="500"),
    "redirect": sends({}, 302, Location=f"/x?apikey={quote(URL_KEY)}"),
    "told": tells_tales,
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_no_message_traceback_log_or_file_shows_a_key(
    failure: Behaviour, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        misbehaving_server(a=[failure]) as server,
        api_of(server.url, state_dir=tmp_path, timeout_seconds=0.1, **SECRETS) as api,
        pytest.raises(SourceError) as caught,
    ):
        api.get("/a", {"i": "tt1"})
    assert "canary" in server.arrivals[0].query
    shown = [caplog.text, *capfd.readouterr(), "".join(traceback.format_exception(caught.value))]
    for error in chain(caught.value):
        shown += [str(error), repr(error), repr(vars(error)), repr(getattr(getattr(error, "request", None), "url", ""))]
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
    for text in shown:
        assert "canary" not in text
    for path in tmp_path.iterdir():
        assert b"canary" not in path.read_bytes()


def test_an_api_that_cannot_be_reached_shows_no_key_either(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        api_of("http://127.0.0.1:1", **SECRETS) as api,
        pytest.raises(SourceError) as caught,
    ):
        api.get("/a")
    assert "canary" not in caplog.text + "".join(traceback.format_exception(caught.value))


def test_the_configuration_shows_no_key() -> None:
    config = config_of("http://127.0.0.1:1", **SECRETS)
    assert "canary" not in repr(config) + str(config)


def test_who_uses_another_key_or_url_or_api_has_another_limit() -> None:
    base = config_of("http://127.0.0.1:1", **SECRETS)
    others = [
        config_of("http://127.0.0.1:2", **SECRETS),
        config_of("http://127.0.0.1:1", name="OMDb", **SECRETS),
        config_of("http://127.0.0.1:1", secret_params={"apikey": SecretStr("another")}),
    ]
    assert len({config.identity for config in [base, *others]}) == 4
    assert base.identity == config_of("http://127.0.0.1:1", backoff_seconds=9, **SECRETS).identity


def table_of(folder: Path) -> str:
    with closing(sqlite3.connect(folder / grants.FILE_NAME)) as connection:
        [(name,)] = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return str(name)


def test_from_the_name_of_a_limits_table_no_key_can_be_found_by_trying(tmp_path: Path) -> None:
    key = "a1b2c3d4"
    for home in ("one", "one", "two"):
        with api_of("http://127.0.0.1:1", state_dir=tmp_path / home, secret_params={"apikey": SecretStr(key)}):
            pass
    one, two = (table_of(tmp_path / home) for home in ("one", "two"))
    assert one != two, "a name depends on a secret of the home"
    for path in (tmp_path / "one").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert key.encode() not in path.read_bytes()


def test_files_that_an_earlier_version_left_are_dropped(tmp_path: Path) -> None:
    for name in (grants.FILE_NAME, cache.FILE_NAME):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute("CREATE TABLE bucket_omdb_0123456789abcdef (name, item_timestamp)")
            connection.execute("CREATE TABLE responses (key, value, expires)")
            connection.execute("INSERT INTO responses VALUES ('GET http://127.0.0.1:1/a', 'pickled', 9e9)")
            connection.commit()
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path) as api:
        assert not api.get("/a", max_age=timedelta(days=7)).from_cache
    for name in (grants.FILE_NAME, cache.FILE_NAME):
        content = (tmp_path / name).read_bytes()
        assert b"bucket_omdb" not in content
        assert b"pickled" not in content


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (pickle.dumps({"a": 1}), zlib.compress(b"1")),
        ("{}", pickle.dumps(b"1")),
        ("[]", zlib.compress(b"1")),
        (7, "text"),
        ("{}", zlib.compress(b"x" * 21 * 1024**2)),
    ],
    ids=["pickled headers", "pickled body", "a list", "other types", "too large"],
)
def test_a_planted_row_of_the_cache_is_read_as_nothing(headers: Any, body: Any, tmp_path: Path) -> None:
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path) as api:
        with closing(sqlite3.connect(tmp_path / cache.FILE_NAME)) as connection:
            values = (f"{server.url}/a", time(), time() + 1000, headers, body)
            connection.execute("INSERT INTO responses VALUES (?, ?, ?, ?, ?)", values)
            connection.commit()
        answer = api.get("/a", max_age=timedelta(days=7))
        assert answer.payload == {"path": "/a"}
        assert not answer.from_cache


def test_a_key_is_found_however_it_is_encoded() -> None:
    register_secrets(["a b/c+d", ""])
    for form in ("a b/c+d", "a%20b/c%2Bd", "a%20b%2Fc%2Bd", "a+b%2Fc%2Bd"):
        assert scrub(f"<{form}>") == "<***>"


def test_a_short_key_is_found_where_it_stands_for_itself_and_not_inside_words() -> None:
    register_secrets(["st", "x-y"])
    shown = "the last attempt at stars: apikey=*** (***), ***"
    assert scrub("the last attempt at stars: apikey=st (st), x-y") == shown


@pytest.mark.parametrize(
    ("open_client", "field", "variable"),
    [
        (open_trakt, "trakt_client_id", "TRAKT_CLIENT_ID"),
        (open_tmdb, "tmdb_access_token", "TMDB_ACCESS_TOKEN"),
        (open_tmdb, "tmdb_api_key", "TMDB_API_KEY"),
        (open_omdb, "omdb_api_key", "OMDB_API_KEY"),
    ],
)
def test_a_key_too_short_to_be_one_is_refused_where_the_api_itself_is_asked(
    open_client: Callable[[Settings], Any], field: str, variable: str, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"_env_file": None, "ratingo_home": tmp_path}
    with pytest.raises(AccessDenied, match=f"{variable} has fewer than 8 characters"):
        open_client(Settings(**given | {field: "a1b2c3d"}))
    open_client(Settings(**given | {field: "a1b2c3d4"})).api.close()
    elsewhere = dict.fromkeys(("trakt_base_url", "tmdb_base_url", "omdb_base_url"), "http://127.0.0.1:1")
    open_client(Settings(**given | elsewhere | {field: "a1b2"})).api.close()


def test_of_two_keys_that_begin_alike_the_longer_one_is_removed_whole() -> None:
    register_secrets(["begins-alike", "begins-alike-and-goes-on"])
    assert scrub("begins-alike-and-goes-on begins-alike") == "*** ***"
