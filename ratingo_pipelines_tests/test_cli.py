"""`ratingo` as people and scripts meet it: real processes, their output and their exit codes."""

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from ratingo_pipelines.sandbox.apis import APIS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.answering import answering
from ratingo_pipelines_tests.installation import until
from ratingo_pipelines_tests.sync.processes import environment, ratingo, report_of, start

pytestmark = pytest.mark.long

LISTED = 6
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Installation:
    """A folder with a home in it, and the sandbox to work on."""

    folder: Path
    sandbox: RunningSandbox

    def run(self, *arguments: str, **others: str) -> Done:
        env = environment(self.sandbox, self.folder / "home", **{"TRENDING_LIMIT": str(LISTED), **others})
        return ratingo(*arguments, env=env, cwd=self.folder)


@pytest.fixture
def fresh(sandbox: RunningSandbox, tmp_path: Path) -> Installation:
    """Nothing was ever run here."""
    return Installation(tmp_path, sandbox)


@pytest.fixture(scope="module")
def synced(running_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Done]:
    """One sync of shows went well here; with what it printed. The tests that share it spoil nothing."""
    running_sandbox.reset()
    installation = Installation(tmp_path_factory.mktemp("synced"), running_sandbox)
    return installation, installation.run("sync", "shows")


def test_a_sync_that_goes_well_prints_plain_lines_and_ends_with_0(synced: tuple[Installation, Done]) -> None:
    _, done = synced
    assert (done.returncode, "\x1b" in done.stdout + done.stderr) == (0, False)
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("shows: cycle 1 of ")
    assert f"{LISTED} listed, " in first
    assert last.startswith(("shows titles: ", "shows: ")) or "done (" in done.stdout
    assert "0 failed" in done.stdout
    assert done.stderr.splitlines()[0].startswith("shows: details, ratings, sparklines: ")
    assert "due" in done.stderr.splitlines()[0]


def test_the_report_of_a_sync_as_json_has_the_counts_and_nothing_else_on_standard_output(
    synced: tuple[Installation, Done],
) -> None:
    installation, _ = synced
    done = installation.run("sync", "shows", "--json")
    report = report_of(done)
    assert report.keys() >= {"trending", "titles"}
    assert report["trending"]["fetched"] == LISTED
    assert report["trending"].keys() >= {"cycle_id", "cycle_at", "eligible", "skipped", "requests", "seconds", "notes"}
    titles = report["titles"]
    assert (titles["ok"], titles["failed"], titles["failures"]) == (True, 0, [])
    assert titles["succeeded"] == titles["snapshots"] == report["trending"]["eligible"]
    assert titles.keys() >= {"added", "updated", "skipped", "ratings", "requests", "seconds", "stopped", "notes"}
    assert titles["requests"]["tmdb"] >= titles["succeeded"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(fresh: Installation) -> None:
    said = fresh.run("sync", "shows", "--dry-run")

    assert said.returncode == 0, said.stderr
    assert "would ask at most" in said.stdout
    assert said.stdout.endswith("Nothing was written.\n")
    assert "no cycle yet" in fresh.run("status").stdout
    preview = json.loads(fresh.run("sync", "shows", "--dry-run", "--json").stdout)
    assert preview["eligible"] == preview["new"] > 0
    assert fresh.run("sync", "shows", "--dry-run", "--resume").stdout.startswith("shows: the latest cycle goes on: 0 ")


def test_one_title_is_fetched_by_its_id(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    wanted = next(e for e in installation.sandbox.truth("shows")[40:] if e["skip"] is None)["tmdb"]

    done = installation.run("sync", "shows", "--id", str(wanted), "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["tmdb_id"], told["id"] > 0) == (wanted, True)
    assert [stage["stage"] for stage in told["stages"]] == ["titles", "omdb"]
    assert installation.run("show", "shows", str(wanted)).returncode == 0


def test_one_title_by_id_goes_with_no_other_option(fresh: Installation) -> None:
    done = fresh.run("sync", "shows", "--id", "7", "--resume")
    assert (done.returncode, "--id goes with no other option" in done.stderr) == (2, True)


def test_the_status_tells_the_cycle_in_words_and_as_json(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    lines = installation.run("status").stdout.splitlines()
    assert lines[0].startswith("shows: cycle ")
    assert " 0 pending, 0 failed" in lines[0]
    assert lines[1] == "movies: no cycle yet: `ratingo sync movies`"
    state = report_of(installation.run("status", "--json"))
    titles = state["media"]["shows"]["titles"]
    assert titles["done"] == titles["total"] > 0
    assert state["media"]["movies"]["cycle"] is None
    assert state["omdb"]["left"] == state["omdb"]["limit"] - state["omdb"]["used"]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140])
def test_the_top_fits_the_terminal_and_says_what_it_leaves_out(synced: tuple[Installation, Done], width: int) -> None:
    installation, _ = synced
    done = installation.run("top", "--limit", "3", COLUMNS=str(width))
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
    assert ("wider terminal" in done.stdout) == ("watch in UA" not in done.stdout)
    assert "movies: nothing is listed yet: `ratingo sync movies`" in lines


def test_the_top_as_json_and_as_csv_are_the_same_titles(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    report = report_of(installation.run("top", "shows", "--sort", "watchers", "--json"))
    rows = list(csv.DictReader(installation.run("top", "shows", "--sort", "watchers", "--csv").stdout.splitlines()))
    assert [str(title["tmdb_id"]) for title in report["shows"]] == [row["tmdb_id"] for row in rows]
    assert len(rows) > 3
    assert installation.run("top", "--json", "--csv").returncode == 2


def test_the_difference_of_one_cycle_is_that_all_is_new(fresh: Installation) -> None:
    assert fresh.run("sync", "shows").returncode == 0
    done = fresh.run("diff", "shows", "--limit", "2", COLUMNS="80")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].endswith(" UTC, the first one")
    assert lines[1].endswith(" new, 0 gone, 0 risen, 0 fallen, 0 in the same place")
    assert max(map(len, lines)) <= 80
    report = report_of(fresh.run("diff", "shows", "--json"))
    assert (report["before"], report["gone"]) == (None, [])
    assert len(report["new"]) == int(lines[1].split()[0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["movies"], "there is no cycle of movies yet: `ratingo sync movies`"),
        (["shows", "1"], "name two cycles, or none for the latest two"),
        (["shows", "1", "99"], "there is no cycle 99 of shows; `ratingo status` names the latest"),
    ],
)
def test_cycles_that_cannot_be_compared_are_named(
    synced: tuple[Installation, Done], arguments: list[str], said: str
) -> None:
    installation, _ = synced
    done = installation.run("diff", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_title_is_shown_by_its_id_and_by_its_name(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    first = report_of(installation.run("top", "shows", "--limit", "1", "--json"))["shows"][0]
    by_id = installation.run("show", "shows", str(first["tmdb_id"]))
    assert (by_id.returncode, by_id.stderr) == (0, "")
    assert by_id.stdout.splitlines()[0] == f"{first['title']} / {first['original_title']} (shows {first['tmdb_id']})"
    assert "\nCycles:\n  " in by_id.stdout
    assert installation.run("show", "shows", first["title"].upper()).stdout == by_id.stdout
    record = report_of(installation.run("show", "shows", str(first["tmdb_id"]), "--json"))
    assert record["facts"][0].keys() == {"name", "value", "source", "answered_at"}
    several = installation.run("show", "shows", "e")
    assert (several.returncode, several.stdout) == (1, "")
    assert "several shows are called so; name one by its id:" in several.stderr
    nobody = installation.run("show", "movies", "99")
    assert (nobody.returncode, nobody.stderr) == (1, "ratingo: no list ever named 99 among movies\n")


def test_an_alert_can_be_tried(fresh: Installation) -> None:
    received: list[str] = []

    def receive(request: Request) -> Response:
        received.append(request.get_data(as_text=True))
        return Response("ok")

    with answering(receive) as url:
        done = fresh.run("alert", "--test", ALERT_WEBHOOK_URL=f"{url}/secret-part")
    assert (done.returncode, done.stdout, done.stderr) == (0, "sent to Alert webhook\n", "")
    assert "This is a test" in received[0]
    half = fresh.run("alert", "--test", ALERT_TELEGRAM_TOKEN="123:secret-part")
    assert half.returncode == 2
    assert "ALERT_TELEGRAM_CHAT: missing" in half.stderr
    assert "secret-part" not in half.stderr
    away = fresh.run("alert", "--test", ALERT_WEBHOOK_URL="http://127.0.0.1:1/secret-part")
    assert (away.returncode, away.stdout) == (1, "")
    assert "check ALERT_WEBHOOK_URL" in away.stderr
    assert "secret-part" not in away.stderr
    assert fresh.run("alert", "--test", ALERT_WEBHOOK_URL="").returncode == 2


def test_the_doctor_ends_with_what_is_worst_and_tells_no_key(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    done = installation.run("doctor")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert {line.split()[0] for line in lines} == {"ok", "warning", "->"}
    assert APIS["trakt"].key not in done.stdout
    wrong = installation.run("doctor", "--offline", "--json", TRAKT_CLIENT_ID="")
    remarks = json.loads(wrong.stdout)
    assert (wrong.returncode, wrong.stderr) == (2, "")
    assert [remark["about"] for remark in remarks if remark["severity"] == "wrong"] == ["Trakt's key"]


def test_a_terminal_that_lacks_a_character_gets_another_one(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    done = installation.run("top", "shows", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "?" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize("command", [["backfill", "meta", "shows"], ["backfill", "omdb", "shows"]], ids=" ".join)
def test_a_backfill_tells_what_it_did(synced: tuple[Installation, Done], command: list[str]) -> None:
    installation, _ = synced
    done = installation.run(*command, "--limit", "2", "--json")
    [report] = report_of(done)
    assert done.returncode == 0, done.stderr
    assert (report["medium"], report["stage"], report["fetched"], report["succeeded"]) == ("shows", command[1], 2, 2)


def test_without_a_key_of_omdb_the_backfill_says_so_and_goes_well(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    done = installation.run("backfill", "omdb", OMDB_API_KEY="")
    assert done.returncode == 0
    assert "OMDB_API_KEY is not set" in done.stdout


def test_the_calendar_is_synced_and_pruned(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    first, second = (report_of(installation.run("calendar", "sync", "--json")) for _ in range(2))
    assert first["processed"] == first["inserted"] > 0
    assert (second["inserted"], second["updated"], second["deleted"]) == (0, 0, 0)
    assert installation.run("calendar", "prune").stdout == "calendar: 0 stale airings removed\n"


def test_days_of_the_calendar_that_did_not_come_are_named_and_end_with_1(synced: tuple[Installation, Done]) -> None:
    installation, _ = synced
    endpoint = f"/calendars/all/shows/{datetime.now(UTC):%Y-%m-%d}/5"
    installation.sandbox.faults({"kind": "list", "api": "trakt", "endpoint": endpoint, "empty": True})
    done = installation.run("calendar", "sync")
    installation.sandbox.faults()
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith(f"the calendar of {datetime.now(UTC):%Y-%m-%d} to ")


def test_a_wrong_url_of_tmdb_costs_no_title_and_is_named(fresh: Installation) -> None:
    wrong = fresh.run("sync", "shows", "--json", TMDB_BASE_URL=fresh.sandbox.url_of("tmdb").removesuffix("/3"))
    titles = report_of(wrong)["titles"]
    assert (wrong.returncode, titles["ok"], titles["stopped_by"]) == (1, False, "source")
    assert (titles["succeeded"], titles["skipped"], titles["failures"]) == (0, {}, [])
    assert "look at TMDB_BASE_URL" in titles["stopped"]
    asked = fresh.sandbox.counters()["tmdb"]["requests"]
    assert asked <= 2 * LISTED + 2
    right = fresh.run("sync", "shows", "--resume")
    assert right.returncode == 0
    assert f"{report_of(wrong)['trending']['eligible']} done" in right.stdout


def test_two_seconds_of_502_cost_a_cycle_of_ninety_shows_no_title(fresh: Installation) -> None:
    env = environment(fresh.sandbox, fresh.folder / "home", TRENDING_LIMIT="90")
    fresh.sandbox.faults({"kind": "latency", "api": "tmdb", "ms": 200})
    process = start("sync", "shows", "--json", env=env, cwd=fresh.folder)
    # They begin amid the titles, however long a command takes to start here.
    until(lambda: fresh.sandbox.counters().get("tmdb", {}).get("requests", 0) > 3, 60, "TMDB is asked")
    fresh.sandbox.faults({"kind": "storm", "api": "tmdb", "on": 2, "every": 36_000, "status": 502})
    out, err = process.communicate(timeout=120)
    eligible = [entry for entry in fresh.sandbox.truth("shows", 90) if not entry["skip"]]
    titles = json.loads(out)["titles"]
    assert (process.returncode, titles["ok"], titles["failures"]) == (0, True, []), err
    assert titles["succeeded"] == len(eligible) > 70
    assert fresh.sandbox.counters()["tmdb"]["statuses"]["502"] > 1


def test_a_sync_with_failed_titles_lists_them_and_ends_with_1(fresh: Installation) -> None:
    bad = next(entry["tmdb"] for entry in fresh.sandbox.truth("shows", LISTED) if not entry["skip"])
    fresh.sandbox.faults({"kind": "types", "api": "tmdb", "ids": [bad]})
    done = fresh.run("sync", "shows")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("  failed: ")]
    assert line.startswith(f"  failed: {bad} ")
    assert ": details: TMDB: " in line
    assert "Traceback" not in done.stdout + done.stderr
    status = fresh.run("status").stdout
    assert f"  failing: {bad} " in status


def test_a_part_that_comes_empty_for_everybody_ends_with_1_is_listed_and_can_be_accepted(fresh: Installation) -> None:
    longer = {"TRENDING_LIMIT": "9"}
    assert fresh.run("sync", "shows", **longer).returncode == 0
    assert fresh.run("doubts").stdout == "No doubts: what is stored is what the sources say.\n"
    fresh.sandbox.faults({"kind": "lie", "name": "no_cast"})
    done = fresh.run("sync", "shows", **longer)
    assert (done.returncode, "failed:" in done.stdout) == (1, False)
    assert "TMDB says that " in done.stdout
    assert "`ratingo doubts accept cast`" in done.stdout
    listed = fresh.run("doubts")
    assert listed.stdout.startswith("shows: cast of ")
    assert "taken for TMDB's fault; kept\n  2" in listed.stdout
    assert "in doubt: cast of " in fresh.run("status").stdout
    [doubt] = json.loads(fresh.run("doubts", "--json").stdout)
    assert (doubt["count"]["part"], doubt["count"]["titles"]) == ("cast", len(doubt["titles"]))
    wrong = fresh.run("doubts", "accept", "casts")
    assert (wrong.returncode, "'casts' is none of anime, backdrop, buckets, cast," in wrong.stderr) == (2, True)
    accepted = fresh.run("doubts", "accept", "cast")
    assert (accepted.returncode, accepted.stdout) == (0, f"cast: taken away from {len(doubt['titles'])} titles\n")
    assert fresh.run("sync", "shows", **longer).returncode == 0


def test_an_upstream_that_does_not_answer_is_one_line_and_ends_with_1(fresh: Installation) -> None:
    fresh.sandbox.faults({"kind": "types", "api": "trakt", "endpoint": "/{medium}/trending"})
    done = fresh.run("sync", "shows")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("ratingo: Trakt: ")


def test_a_list_that_is_not_whole_lets_the_unfinished_cycle_go_on_and_ends_with_1(fresh: Installation) -> None:
    fresh.sandbox.faults({"kind": "revoked", "api": "trakt", "endpoint": "/{medium}/{id}/ratings"})
    assert fresh.run("sync", "shows").returncode == 2
    fresh.sandbox.faults({"kind": "list", "api": "trakt", "endpoint": "/{medium}/trending", "keep": 2})
    done = fresh.run("sync", "shows", "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("ratingo: Trakt: the trending list of shows is short: 2 titles of 6 asked for")
    report = json.loads(done.stdout)
    assert (report["trending"], report["titles"]["succeeded"]) == (None, LISTED)
    assert report["no_cycle"].startswith("Trakt: the trending list of shows is short")
    # With nothing left to go on with, that is all there is to say.
    again = fresh.run("sync", "shows")
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (1, "", 1)


@pytest.mark.parametrize(
    ("fault", "variable"),
    [
        ({"kind": "revoked", "api": "trakt"}, "TRAKT_CLIENT_ID"),
        ({"kind": "revoked", "api": "tmdb"}, "TMDB_ACCESS_TOKEN"),
        ({"kind": "revoked", "api": "trakt", "endpoint": "/{medium}/{id}/ratings"}, "TRAKT_CLIENT_ID"),
    ],
    ids=["at once", "before the first title", "in the middle"],
)
def test_a_refused_key_names_its_variable_and_ends_with_2(
    fresh: Installation, fault: dict[str, Any], variable: str
) -> None:
    fresh.sandbox.faults(fault)
    done = fresh.run("sync", "shows")
    assert done.returncode == 2, done.stdout + done.stderr
    assert variable in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_one_message_names_every_wrong_variable_and_ends_with_2(tmp_path: Path) -> None:
    env = environment(None, tmp_path / "home", TRENDING_LIMIT="many", TMDB_RATE_LIMIT="fast", DATABASE_URL="mysql://x")
    done = ratingo("sync", "shows", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    for variable in ("TRENDING_LIMIT", "TMDB_RATE_LIMIT", "DATABASE_URL", "TRAKT_CLIENT_ID", "TMDB_ACCESS_TOKEN"):
        assert sum(line.strip().startswith(variable) for line in done.stderr.splitlines()) == 1, done.stderr
    assert "https://trakt.tv/oauth/applications" in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [["sync", "books"], ["sync"], ["sync", "shows", "--limit", "0"], ["nonsense"]])
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = ratingo(*arguments, env=environment(None, tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 2
    assert "Usage: " in done.stderr


def test_a_database_that_cannot_be_used_is_one_line_and_ends_with_2(fresh: Installation) -> None:
    done = fresh.run("sync", "shows", DATABASE_URL="postgresql://who:secret@127.0.0.1:1/none")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("ratingo: PostgreSQL none at 127.0.0.1:1 ")
    assert "secret" not in done.stderr


def test_two_homes_never_meet(fresh: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other", fresh.sandbox)
    other.folder.mkdir()
    assert fresh.run("sync", "shows").returncode == 0
    assert other.run("sync", "movies").returncode == 0
    here, there = (report_of(one.run("status", "--json"))["media"] for one in (fresh, other))
    assert (here["shows"]["cycle"]["id"], here["movies"]["cycle"]) == (1, None)
    assert (there["shows"]["cycle"], there["movies"]["cycle"]["id"]) == (None, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "other"}
    assert {path.name for path in other.folder.iterdir()} == {"home"}


@pytest.mark.parametrize("arguments", [["--help"], ["sync", "--help"], ["--version"]], ids=" ".join)
def test_help_is_quick_as_it_loads_neither_dagster_nor_pandas(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv[0] = 'ratingo'\n"
        "from ratingo_pipelines.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    env = environment(None, tmp_path / "home")
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stdout
    loaded = set(done.stderr.split())
    assert not loaded & {"dagster", "pandas", "sqlalchemy", "requests", "pydantic"}


def test_a_token_is_printed_once_and_listed_without_itself(fresh: Installation) -> None:
    added = fresh.run("token", "add", "nightly", "--role", "trigger", "--until", "2027-01-31")
    token = added.stdout.strip()
    assert (added.returncode, token[:4], len(token)) == (0, "rtg_", 47)
    assert token not in added.stderr

    listed = fresh.run("token", "list")
    assert listed.stdout == "nightly trigger until 2027-01-31 00:00 UTC\n"
    assert fresh.run("token", "remove", "nightly").returncode == 0
    assert fresh.run("token", "list").stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "nightly"],
        ["add", "nightly", "--role", "root"],
        ["add", "nightly", "--role", "read", "--until", "soon"],
        ["add", "two words", "--role", "read"],
        ["remove", "nightly"],
    ],
)
def test_a_token_that_cannot_be_is_one_line_and_ends_with_2(fresh: Installation, arguments: list[str]) -> None:
    done = fresh.run("token", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
