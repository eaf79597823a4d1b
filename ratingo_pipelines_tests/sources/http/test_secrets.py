"""Keys go to the API and nowhere else."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.scrub import register_secrets, scrub
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


def test_neither_the_configuration_nor_the_name_of_the_bucket_shows_a_key() -> None:
    config = config_of("http://127.0.0.1:1", **SECRETS)
    assert "canary" not in repr(config) + str(config) + config.identity


def test_who_uses_another_key_or_url_or_api_has_another_bucket() -> None:
    base = config_of("http://127.0.0.1:1", **SECRETS)
    others = [
        config_of("http://127.0.0.1:2", **SECRETS),
        config_of("http://127.0.0.1:1", name="OMDb", **SECRETS),
        config_of("http://127.0.0.1:1", secret_params={"apikey": SecretStr("another")}),
    ]
    assert len({config.identity for config in [base, *others]}) == 4
    assert base.identity == config_of("http://127.0.0.1:1", timeout_seconds=9, **SECRETS).identity


def test_a_key_is_found_however_it_is_encoded() -> None:
    register_secrets(["a b/c+d", ""])
    for form in ("a b/c+d", "a%20b/c%2Bd", "a%20b%2Fc%2Bd", "a+b%2Fc%2Bd"):
        assert scrub(f"<{form}>") == "<***>"


def test_of_two_keys_that_begin_alike_the_longer_one_is_removed_whole() -> None:
    register_secrets(["begins-alike", "begins-alike-and-goes-on"])
    assert scrub("begins-alike-and-goes-on begins-alike") == "*** ***"
