"""The commands of the documents, run as they stand; only the address is the test's."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.documents import ROOT, commands
from ratingo_pipelines_tests.gateway.served import SECRET
from ratingo_pipelines_tests.gateway.whole import Whole, patiently, shape
from ratingo_pipelines_tests.installation import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs curl and bash"),
]

GUIDES = [ROOT / "docs" / "SYNC-GUIDE.md", ROOT / "docs" / "SYNC-GUIDE.uk.md"]
OLD_GUIDE = ROOT.parent / "shared" / "seed" / "SYNC-GUIDE.md"
GRAPHQL = ROOT / "docs" / "graphql.md"
ADDRESSES = re.compile(r"http://localhost:3000|https://ratingo\.top")
MAY_BE_MISSING = {"errors", "errorCount", "notes"}
QUOTED = re.compile(r'"?(https?://[^\s"]+)"?')
ONE_TITLE = re.compile(r"/api/sync/(shows|movies)/\d+$")


def run(whole: Whole, text: str, seconds: float = 300, **given: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a shell that knows the secret, with the whole's address for the document's."""
    env = {"PATH": whole.environment["PATH"], "CRON_SECRET": SECRET, "RATINGO_URL": whole.url, **given}
    return subprocess.run(
        ["bash", "-c", ADDRESSES.sub(whole.url, text)],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


def in_common(answer: dict[str, Any]) -> object:
    """The shape of an answer, without what is there only when something failed."""
    return shape({name: value for name, value in answer.items() if name not in MAY_BE_MISSING})


def known_title(sandbox: RunningSandbox, medium: str) -> int:
    """A title that the sandbox's TMDB knows: the documents name real ones."""
    return next(int(entry["tmdb"]) for entry in sandbox.truth(medium, 20) if entry["skip"] is None)


def test_the_guides_commands_are_answered_as_it_says(whole: Whole, whole_sandbox: RunningSandbox) -> None:
    seen = 0
    for command in commands(GUIDES[0]):
        if not command.text.startswith("curl "):
            continue
        text = ONE_TITLE.sub(lambda found: f"/api/sync/{found[1]}/{known_title(whole_sandbox, found[1])}", command.text)
        # The answers shown are those in time, and a busy machine may take longer than is waited by default.
        ended = run(whole, QUOTED.sub(lambda found: f'"{patiently(found[1])}"', text))
        assert ended.returncode == 0, (command.text, ended.stderr)
        answer = json.loads(ended.stdout)
        assert answer["success"] is True, (command.text, answer)
        if command.answer:
            assert in_common(answer) == in_common(json.loads(command.answer)), command.text
        if not answer.get("complete", True):
            whole.finished(answer["runId"])
        seen += 1
    assert seen >= 14


def test_both_guides_show_the_same_commands_and_answers() -> None:
    """So that what holds for one holds for the other."""
    english, ukrainian = (commands(guide) for guide in GUIDES)

    assert english == ukrainian


def test_the_guides_name_every_endpoint_that_can_be_asked() -> None:
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        shown = [re.sub(r"\\{\w+\\}", r"\\w+", re.escape(endpoint.path)) for endpoint in ENDPOINTS]
        assert [path for path in shown if not re.search(path, text)] == []


@pytest.mark.skipif(not OLD_GUIDE.exists(), reason="the old guide is not here")
def test_every_command_of_the_old_guide_stands_in_the_new_ones_word_for_word() -> None:
    old = {command.text for command in commands(OLD_GUIDE)}

    for guide in GUIDES:
        assert old <= {command.text for command in commands(guide)}


def test_the_graphql_commands_work_one_after_the_other(whole: Whole, whole_sandbox: RunningSandbox) -> None:
    whole.get("/api/sync/trending")
    until(whole.ready, 60, "the daemon is there")
    # The documented answers are those after a cycle; nothing works one off by itself here.
    assert whole.get("/api/sync/trending/process?limit=50").json()["failed"] == 0
    known = [str(entry["tmdb"]) for entry in whole_sandbox.truth("shows", 20) if entry["skip"] is None]
    never_trended = [str(entry["tmdb"]) for entry in whole_sandbox.truth("shows", 200) if entry["skip"] is None][-1]
    ids = {"1396": known[0], "1399": known[1], "1408": never_trended}
    blocks = commands(GRAPHQL)
    script = "\necho @@@ >&2\necho @@@\n".join(command.text for command in blocks)
    for documented, real in ids.items():
        script = re.sub(rf"\b{documented}\b", real, script)

    ended = run(whole, script, 500)

    # What is kept in a variable is shown on standard error.
    said = [out + err for out, err in zip(ended.stdout.split("@@@"), ended.stderr.split("@@@"), strict=True)]
    assert len(said) == len(blocks), ended.stderr
    answers = [json.loads(text.strip().splitlines()[-1]) for text in said]
    for command, answer in zip(blocks, answers, strict=True):
        assert "errors" not in answer, (command.text, answer)
        if command.answer:
            expected = json.loads(command.answer)
            assert shape(answer) == shape(expected), command.text
            assert typename(answer) == typename(expected)
    run_ended, backfill_ended, statuses = answers[1], answers[5], answers[6]
    assert run_ended["data"]["runOrError"]["status"] == "SUCCESS"
    assert backfill_ended["data"]["partitionBackfillOrError"]["status"] == "COMPLETED_SUCCESS"
    stats = statuses["data"]["assetNodeOrError"]["partitionStats"]
    assert stats["numMaterialized"] >= 2
    assert stats["numFailed"] == 0


def typename(answer: dict[str, Any]) -> str:
    """What a GraphQL answer says it is."""
    (found,) = answer["data"].values()
    return str(found["__typename"])


# Cron


def test_a_trigger_by_cron_prints_the_answer(whole: Whole) -> None:
    ended = run(whole, "deploy/cron/trigger.sh /api/sync/calendar/prune 60")

    assert ended.returncode == 0, ended.stderr
    starting, ended_well = ended.stderr.splitlines()
    assert starting.endswith("ratingo: Starting /api/sync/calendar/prune")
    assert ended_well.endswith("ratingo: /api/sync/calendar/prune completed successfully")
    assert json.loads(ended.stdout)["success"] is True


@pytest.mark.parametrize(("seconds", "code"), [(300, 0), (1, 3)])
def test_a_trigger_by_cron_follows_a_run_that_is_not_over(
    whole: Whole, whole_sandbox: RunningSandbox, seconds: int, code: int
) -> None:
    whole_sandbox.faults({"kind": "latency", "api": "trakt", "ms": 2500})

    ended = run(whole, f"deploy/cron/trigger.sh '/api/sync/movies/trending?wait=0' {seconds}")

    whole_sandbox.faults()
    answer = json.loads(ended.stdout)
    address = f"/api/sync/runs/{answer['runId']}"
    assert ended.returncode == code, ended.stderr
    if code:
        assert f"is not over after 1 s, and goes on: {whole.url}{address}" in ended.stderr
        until(lambda: whole.get(address).json()["complete"], 60, "the run ends")
    else:
        assert (answer["complete"], answer["status"]) == (True, "SUCCESS")


def test_the_secret_may_be_in_a_file(whole: Whole, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")

    ended = run(
        whole,
        "deploy/cron/trigger.sh /api/sync/calendar/prune 60",
        CRON_SECRET="",
        CRON_SECRET_FILE=str(tmp_path / "secret"),
    )

    assert ended.returncode == 0, ended.stderr


def test_a_cycle_by_cron_ends_when_nothing_is_left_to_process(whole: Whole) -> None:
    ended = run(whole, "deploy/cron/cycle.sh movies")

    assert ended.returncode == 0, ended.stderr
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert answers[0]["tasksQueued"] == sum(answer["processed"] for answer in answers[1:])
    tasks = whole.get("/api/sync/movies/trending/status").json()["tasks"]
    assert (tasks["pending"], tasks["processing"]) == (0, 0)


UNREACHABLE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("given", "path", "code", "says"),
    [
        ({"CRON_SECRET": "wrong" * 10}, "/api/sync/calendar/prune", 1, "was answered with 401"),
        ({}, "/api/sync/nothing", 1, "was answered with 404"),
        ({}, "/api/sync/calendar/prune?wait=soon", 1, "was answered with 400"),
        ({"RATINGO_URL": UNREACHABLE}, "/api/sync/calendar/prune", 1, f"{UNREACHABLE}/api/sync/calendar/prune did not"),
        ({"CRON_SECRET": ""}, "/api/sync/calendar/prune", 2, "set CRON_SECRET or CRON_SECRET_FILE"),
        ({"CRON_SECRET": "", "CRON_SECRET_FILE": "/dev/null/none"}, "/api/sync/calendar/prune", 2, "cannot be read"),
    ],
)
def test_a_trigger_by_cron_fails_loudly(whole: Whole, given: dict[str, str], path: str, code: int, says: str) -> None:
    ended = run(whole, f"deploy/cron/trigger.sh '{path}' 60", 300, **given)

    # Cron mails the last line alone.
    last = ended.stderr.splitlines()[-1]
    assert ended.returncode == code
    assert f"ratingo: {path} FAILED: " in last
    assert says in last
    assert ended.stdout == ""


def test_a_trigger_by_cron_takes_whole_seconds_and_an_address_with_a_slash_at_its_end(whole: Whole) -> None:
    refused = run(whole, "deploy/cron/trigger.sh /api/sync/calendar/prune soon")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith("FAILED: soon is no number of seconds\n")

    done = run(whole, "deploy/cron/trigger.sh /api/sync/calendar/prune 60", RATINGO_URL=f"{whole.url}/")
    assert done.returncode == 0, done.stderr


def test_a_stage_that_could_not_run_fails_cron_and_is_started_once(whole: Whole, whole_sandbox: RunningSandbox) -> None:
    whole_sandbox.faults({"kind": "revoked", "api": "trakt"})
    runs = '{ runsOrError(filter: {pipelineName: "movies_trending"}) { ... on Runs { count } } }'
    before = whole.graphql(runs)["runsOrError"]["count"]

    ended = run(whole, "deploy/cron/cycle.sh movies")

    whole_sandbox.faults()
    assert ended.returncode == 1
    assert "FAILED" in ended.stderr
    assert whole.graphql(runs)["runsOrError"]["count"] == before + 1
