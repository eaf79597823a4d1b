"""The feed of changes, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.gateway.api.changes import ChangesFeed
from ratingo_pipelines.gateway.api.models import ChangesAnswer
from ratingo_pipelines.gateway.app import Access, behind_authentication
from ratingo_pipelines.gateway.http_counts import HttpCounts
from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import title_changes
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.title_changes import ChangedTitle, ChangeKind, TitleChange
from ratingo_pipelines_tests.gateway.documents import BLOCK, ROOT
from ratingo_pipelines_tests.gateway.served import BEARER, SECRET, Served, secrets, served
from ratingo_pipelines_tests.storage.examples import NOW

ON = TitleChange(ChangeKind.ON_PROVIDER, None, "Netflix", "UA")


@pytest.fixture
def feed(database: Database) -> Iterator[Served]:
    """Over five changes: three of shows, then two of movies."""

    async def nothing(*_: object) -> None:
        raise AssertionError("Dagster was asked")

    with database.writing() as conn:
        title_changes.record(conn, SHOWS, [ChangedTitle(n, f"Show {n}", ON) for n in (1, 2, 3)], NOW, cycle_id=9)
        title_changes.record(conn, MOVIES, [ChangedTitle(n, None, ON) for n in (4, 5)], NOW)
    with served(
        behind_authentication(ChangesFeed(database).routes(), nothing, Access(secrets()), HttpCounts())
    ) as running:
        yield running


def ask(feed: Served, query: str = "") -> Any:
    answer = feed.ask(f"/changes{query}", headers=BEARER)
    assert answer.status_code == 200, answer.text
    ChangesAnswer.model_validate(answer.json())
    return answer.json()


def test_a_change_is_told_whole(feed: Served) -> None:
    told = ask(feed, "?limit=1")
    assert told["changes"] == [
        {
            "id": 1,
            "medium": "shows",
            "tmdbId": 1,
            "title": "Show 1",
            "kind": "on_provider",
            "region": "UA",
            "before": None,
            "after": "Netflix",
            "cycleId": 9,
            "changedAt": f"{NOW:%Y-%m-%dT%H:%M:%S}.000Z",
        }
    ]
    assert (told["cursor"], told["more"]) == (1, True)


def test_pages_follow_each_other_until_there_is_no_more(feed: Served) -> None:
    cursor, more, found, pages = 0, True, [], 0
    while more:
        told = ask(feed, f"?since={cursor}&limit=2")
        found += [change["tmdbId"] for change in told["changes"]]
        cursor, more, pages = told["cursor"], told["more"], pages + 1
    assert (found, cursor, pages) == ([1, 2, 3, 4, 5], 5, 3)
    assert ask(feed, "?since=5") == {"changes": [], "cursor": 5, "more": False}


def test_one_medium_may_be_asked_for(feed: Served) -> None:
    told = ask(feed, "?medium=movies&limit=1")
    assert ([change["tmdbId"] for change in told["changes"]], told["cursor"], told["more"]) == ([4], 4, True)
    assert ask(feed, "?medium=shows&since=3") == {"changes": [], "cursor": 3, "more": False}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=x", "since must be a whole number, 0 to 2147483647"),
        ("since=", "since must be a whole number"),
        ("since=-1", "since must be 0 to 2147483647"),
        ("since=2147483648", "since must be 0 to 2147483647"),
        ("since=6", "since is beyond the newest change, 5"),
        ("limit=0", "limit must be 1 to 1000"),
        ("limit=1001", "limit must be 1 to 1000"),
        ("medium=books", "medium must be shows or movies"),
        ("medium=", "medium must be shows or movies"),
        ("cursor=1", "unknown parameter; this endpoint takes since and limit and medium"),
        ("medium=shows&medium=movies", "medium is given more than once"),
    ],
)
def test_what_is_wrongly_asked_is_told_in_a_line(feed: Served, query: str, said: str) -> None:
    answer = feed.ask(f"/changes?{query}", headers=BEARER)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert said in answer.json()["error"]


def test_before_the_first_change_the_feed_is_empty(gateway: Served) -> None:
    assert ask(gateway) == {"changes": [], "cursor": 0, "more": False}


def test_the_loop_of_the_documentation_reads_on_where_it_ended(
    feed: Served, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATINGO_URL", feed.url)
    monkeypatch.setenv("RATINGO_TOKEN", SECRET)
    [text] = [code for language, code in BLOCK.findall((ROOT / "docs/changes.md").read_text()) if language == "python"]
    made: dict[str, Any] = {}
    exec(text, made)  # noqa: S102 - our own document
    notified: list[dict[str, Any]] = []
    kept = tmp_path / "cursor"
    assert made["read_on"](notified.append, kept) == 5
    assert [change["id"] for change in notified] == [1, 2, 3, 4, 5]
    with database.writing() as conn:
        title_changes.record(conn, SHOWS, [ChangedTitle(6, "Show 6", ON)], NOW)
    assert made["read_on"](notified.append, kept) == 6
    assert [change["tmdbId"] for change in notified[5:]] == [6]


def test_nobody_reads_it_without_a_secret_and_nobody_writes_it(feed: Served) -> None:
    assert feed.ask("/changes").status_code == 401
    assert feed.ask("/changes", "POST", headers=BEARER).status_code == 405
