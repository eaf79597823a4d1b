"""The alert, told to a real receiver: once, with what to do, and again only when it is news."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from werkzeug import Request, Response

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.answering import answering
from ratingo_pipelines_tests.defs.conftest import LISTED, Installation, failure_of


@dataclass
class Receiver:
    """A webhook on this machine that keeps what it is told."""

    told: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def respond(self, request: Request) -> Response:
        if self.status == 200:
            self.told.append(json.loads(request.data))
        return Response(status=self.status)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = Receiver()
    with answering(receiver.respond) as url:
        monkeypatch.setenv("ALERT_WEBHOOK_URL", f"{url}/hooks/secret-part")
        monkeypatch.setenv("ALERT_GRACE_SECONDS", "0")
        yield receiver


def look(installed: Installation, cursor: str | None = None) -> tuple[str, str | None]:
    """What the sensor says, and what it remembers."""
    answer = installed.sense("alerts", cursor)
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message or "", cursor
    assert answer.skip_reason is not None
    return str(answer.skip_reason.skip_message), answer.cursor


def test_without_a_webhook_nothing_is_told(installed: Installation) -> None:
    assert look(installed)[0] == "neither ALERT_WEBHOOK_URL nor ALERT_TELEGRAM_TOKEN is set"


def test_all_being_well_nothing_is_told(installed: Installation, receiver: Receiver) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")

    assert look(installed)[0] == "nothing needs a person"
    assert receiver.told == []


def test_one_dead_title_is_nobodys_concern(installed: Installation, receiver: Receiver) -> None:
    installed.run("shows_trending")
    installed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [installed.partitions()[0]]})
    assert not installed.run("shows_sync").success

    assert look(installed)[0] == "nothing needs a person"


def test_a_refused_key_is_told_once_and_again_after_it_worked_meanwhile(
    installed: Installation, receiver: Receiver
) -> None:
    installed.sandbox.faults({"kind": "revoked", "api": "trakt"})
    installed.run("shows_trending")

    said, cursor = look(installed)
    assert said == "told: access:Trakt"
    [told] = receiver.told
    assert told["text"] == told["content"] == told["problems"][0]
    assert told["text"].startswith("An API refuses access, so shows_trending cannot go on: Trakt: ")

    said, cursor = look(installed, cursor)
    assert said == "told before: access:Trakt"
    assert len(receiver.told) == 1

    installed.sandbox.faults()
    installed.run("shows_trending")
    said, cursor = look(installed, cursor)
    assert (said, cursor) == ("told: access:Trakt is over", "{}")
    assert receiver.told[1]["text"].startswith("Over: An API refuses access, so shows_trending cannot go on: ")
    assert look(installed, cursor)[0] == "nothing needs a person"


def test_a_refused_key_is_one_problem_of_all_the_jobs_that_it_stops(
    installed: Installation, receiver: Receiver
) -> None:
    installed.sandbox.faults({"kind": "revoked", "api": "trakt"})
    installed.run("shows_trending")
    installed.run("movies_trending")
    assert look(installed)[0] == "told: access:Trakt"
    [told] = receiver.told
    assert told["text"].startswith("An API refuses access, so movies_trending and shows_trending cannot go on: Trakt: ")


def test_what_the_version_before_remembered_is_not_told_again(installed: Installation, receiver: Receiver) -> None:
    installed.sandbox.faults({"kind": "revoked", "api": "trakt"})
    installed.run("shows_trending")
    assert look(installed, '["access:Trakt"]')[0] == "told before: access:Trakt"
    assert receiver.told == []


def test_many_failures_are_told(installed: Installation, receiver: Receiver) -> None:
    installed.run("shows_trending")
    installed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": installed.partitions()[:3]})
    installed.run("shows_sync")

    assert look(installed)[0] == "told: shows:failing"
    assert receiver.told[0]["text"].startswith(f"3 of {LISTED} shows failed in cycle 1. For example: TMDB: ")


def test_a_run_in_which_a_part_comes_empty_for_everybody_is_red_and_told_once_by_its_part(
    installed: Installation, receiver: Receiver
) -> None:
    for lies in ([], [{"kind": "lie", "name": "no_cast"}]):
        installed.sandbox.faults(*lies)
        installed.run("shows_trending")
        result = installed.run("shows_sync")
        assert result.success is not bool(lies)

    failure = failure_of(result)
    assert failure.description.startswith("TMDB says that ")
    assert "have no cast any more" in failure.description
    said, cursor = look(installed)
    assert said == "told: shows:doubts:cast"
    assert "`ratingo doubts accept cast`" in receiver.told[0]["text"]

    installed.sandbox.faults()
    installed.run("shows_trending")
    assert installed.run("shows_sync").success
    assert look(installed, cursor) == ("told: shows:doubts:cast is over", "{}")


def test_a_cycle_that_is_too_old_is_told(
    installed: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed.database.writing() as conn:
        entry = Entry(1, 1, 1, None, None, "Title", 2020, 100, outcome="done")
        cycles.open_cycle(conn, SHOWS, utc_now(), [entry], 10_000, None)
        conn.exec_driver_sql("UPDATE pipeline_cycles SET cycle_at = '2026-01-01 00:00:00.000000'")

    assert look(installed)[0] == "told: shows:old"

    monkeypatch.setenv("SHOWS_TRENDING_CRON", "off")
    assert look(installed)[0] == "nothing needs a person"


def test_a_database_that_is_away_is_told(
    installed: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:pass-word@127.0.0.1:1/none")

    said, cursor = look(installed, json.dumps({"shows:old": [utc_now().isoformat(), "it is old", ""]}))

    # What else was told is not called over by whoever cannot look.
    assert (said, set(json.loads(cursor or ""))) == ("told: database", {"shows:old", "database"})
    assert "cannot be reached" in receiver.told[0]["text"]
    assert "pass-word" not in receiver.told[0]["text"]


def test_what_the_receiver_did_not_take_is_told_again(installed: Installation, receiver: Receiver) -> None:
    installed.sandbox.faults({"kind": "revoked", "api": "trakt"})
    installed.run("shows_trending")
    receiver.status = 500

    said, cursor = look(installed)
    assert said == "Alert webhook: answered 500: check ALERT_WEBHOOK_URL; told again with the next tick"
    assert cursor is None

    receiver.status = 200
    assert look(installed, cursor)[0] == "told: access:Trakt"


def test_the_webhooks_url_is_secret(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:1/hooks/secret-part")
    installed.sandbox.faults({"kind": "revoked", "api": "trakt"})
    installed.run("shows_trending")

    said, _ = look(installed)

    assert said.startswith("Alert webhook: not reached (ConnectionError)")
    assert "secret-part" not in said
    assert "secret-part" not in repr(installed.settings)
