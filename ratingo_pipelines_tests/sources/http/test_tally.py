"""Requests counted by what came of them, over processes and whatever becomes of the file."""

import stat
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.http import tally
from ratingo_pipelines.sources.http.tally import FILE_NAME, RequestOutcome, RequestTally, outcome_of, read_tally
from ratingo_pipelines_tests.sources.apis import api_of
from ratingo_pipelines_tests.sources.http.misbehaving import misbehaving_server, sends

OK, NO_ANSWER = RequestOutcome.OK, RequestOutcome.NO_ANSWER


def read(home: Path) -> dict[tuple[str, RequestOutcome], int]:
    return read_tally(home, 1.0)


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, "ok"),
        (304, {}, "ok"),
        (404, {}, "not_found"),
        (410, {}, "not_found"),
        (401, {}, "denied"),
        (403, {}, "denied"),
        (429, {}, "limited"),
        (503, {"Retry-After": "3"}, "limited"),
        (503, {}, "failed"),
        (500, {"Retry-After": "3"}, "failed"),
        (301, {}, "rejected"),
        (422, {}, "rejected"),
    ],
)
def test_an_answer_counts_by_its_status(status: int, headers: Mapping[str, str], outcome: str) -> None:
    assert outcome_of(status, headers) == outcome


def test_every_request_that_went_out_is_counted_once_when_the_session_ends(tmp_path: Path) -> None:
    answers = {"a": [sends("fine")], "b": [sends({}, 404)], "c": [sends({}, 429, Retry_After="0.01"), sends("fine")]}
    with misbehaving_server(**answers) as server, api_of(server.url, state_dir=tmp_path, cache=False) as api:
        assert api.get("/a").payload == api.get("/c").payload == "fine"
        with pytest.raises(SourceError):
            api.get("/b")
        assert server.count() == api.requests == 4
    assert read(tmp_path) == {("trakt", OK): 2, ("trakt", RequestOutcome.LIMITED): 1, ("trakt", "not_found"): 1}


def test_a_request_without_an_answer_is_counted_too_and_one_answered_by_the_cache_is_not(tmp_path: Path) -> None:
    with api_of("http://127.0.0.1:1", state_dir=tmp_path, retry_after_cap_seconds=0) as api:
        with pytest.raises(SourceError):
            api.get("/a")
        sent = api.requests
    assert read(tmp_path) == {("trakt", NO_ANSWER): sent}
    answers = {"a": [sends("fine", ETag='"1"'), sends("", 304)]}
    with misbehaving_server(**answers) as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a")
        api.get("/a")
    assert read(tmp_path)["trakt", OK] == 2


def test_what_is_at_work_writes_every_few_seconds_and_no_more_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(tally, "monotonic", lambda: now)
    counts = RequestTally(tmp_path, "TMDB")
    for _ in range(500):
        counts.count(OK)
    assert read(tmp_path) == {}
    now = tally.WRITE_SECONDS
    counts.count(OK)
    assert read(tmp_path) == {("tmdb", OK): 501}
    counts.count(OK)
    assert read(tmp_path) == {("tmdb", OK): 501}
    counts.close()
    counts.close()
    assert read(tmp_path) == {("tmdb", OK): 502}


def test_threads_and_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ratingo_pipelines.sources.http import tally\n"
        "tally.WRITE_SECONDS = 0\n"
        "counts = tally.RequestTally(Path(sys.argv[1]), 'OMDb')\n"
        "for _ in range(100): counts.count(tally.RequestOutcome.OK)\n"
        "counts.close()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    counts = RequestTally(tmp_path, "OMDb")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counts.count(OK), range(1000)))
    counts.close()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert read(tmp_path) == {("omdb", OK): 1300}


def test_a_damaged_file_is_begun_anew_and_until_then_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    assert read(tmp_path) == {}
    counts = RequestTally(tmp_path, "Trakt")
    counts.count(OK)
    counts.close()
    assert read(tmp_path) == {("trakt", OK): 1}
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_what_cannot_be_written_is_added_later(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("A file where the folder should be.")
    counts = RequestTally(tmp_path / "home", "Trakt")
    counts.count(OK)
    counts.close()
    (tmp_path / "home").unlink()
    (tmp_path / "home").mkdir()
    counts.count(OK)
    counts.close()
    assert read(tmp_path / "home") == {("trakt", OK): 2}


def test_without_a_folder_nothing_is_kept() -> None:
    counts = RequestTally(None, "Trakt")
    counts.count(OK)
    counts.close()
