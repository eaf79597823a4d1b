"""Where secrets must not turn up: files, logs, what GraphQL tells, other processes; and who may read what is kept."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.tokens import add_token
from ratingo_pipelines.sandbox.apis import APIS
from ratingo_pipelines_tests.door.conftest import Measured
from ratingo_pipelines_tests.gateway.served import BROWSER, PASSWORD, PREVIOUS, SECRET
from ratingo_pipelines_tests.gateway.whole import Whole, start
from ratingo_pipelines_tests.installation import until

TYPES = """{ __schema {
  queryType { fields { name args { name type { kind } } type { ...T } } }
  types { name kind fields { name args { type { kind } } type { ...T } } possibleTypes { name } } } }
  fragment T on __Type { name ofType { name ofType { name ofType { name ofType { name } } } } }"""
_VARIABLES = {"TRAKT_CLIENT_ID": "trakt", "TMDB_ACCESS_TOKEN": "tmdb", "OMDB_API_KEY": "omdb"}
API_KEYS = {variable: APIS[api].key for variable, api in _VARIABLES.items()}
DEEP = 4
"""Levels below a question that are asked for."""
MOST_FIELDS = 1500


@pytest.fixture(scope="module")
def canaries(door: Whole) -> dict[str, str]:
    """Every secret there is, by name, after all of them were used, rightly and wrongly."""
    tokens = Path(door.environment["RATINGO_HOME"]) / "tokens"
    token = add_token(tokens, "canary", Role.ADMIN)
    cookie = door.cookie(PASSWORD)["Cookie"].partition("=")[2]
    secrets = {"CRON_SECRET": SECRET, "UI_PASSWORD": PASSWORD, "a token": token, "a session": cookie, **API_KEYS}
    for secret in secrets.values():
        door.ask(f"/api/{secret}", headers={"Authorization": f"Bearer {secret}"})
        door.ask(f"/runs/{secret}?token={secret}&x={secret}", headers=BROWSER | {"Cookie": f"ratingo_session={secret}"})
        door.ask("/graphql", "POST", json={"query": "{ version }"}, headers={"Authorization": f"Basic {secret}"})
        door.log_in(secret + "x")
    door.ask("/logout", "POST", headers=door.page(PASSWORD))
    door_sync(door)
    return secrets


def door_sync(door: Whole) -> None:
    """Have all sources asked, well and ill."""
    for path in (
        "/api/sync/trending?wait=120",
        "/api/sync/trending/process?wait=120",
        "/api/sync/backfill/omdb?wait=120",
    ):
        assert door.get(path).json()["success"] is True


def found_in(text: bytes, canaries: dict[str, str]) -> list[str]:
    """The secrets that turn up."""
    return [name for name, secret in canaries.items() if secret.encode() in text]


def test_no_file_of_the_home_holds_a_secret(door: Whole, canaries: dict[str, str], measured: Measured) -> None:
    home = Path(door.environment["RATINGO_HOME"])
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"ratingo.db", "changes.jsonl", "refused.jsonl", "sessions.json", "tokens"}

    assert {str(path): found for path in files if (found := found_in(path.read_bytes(), canaries))} == {}
    measured("files of the home searched for secrets", str(len(files)))


def test_no_line_of_the_log_holds_a_secret(door: Whole, canaries: dict[str, str]) -> None:
    log = (door.folder / "serve.log").read_bytes()

    assert len(log) > 1000
    assert found_in(log, canaries) == []


def test_no_other_process_is_given_a_secret_of_the_gateway(door: Whole, canaries: dict[str, str]) -> None:
    ours = {name: canaries[name] for name in ("CRON_SECRET", "UI_PASSWORD", "a token", "a session")}
    children = psutil.Process(door.process.pid).children(recursive=True)

    looked_at = 0
    for child in children:
        try:
            command, environment = child.cmdline(), child.environ()
        except psutil.NoSuchProcess:
            # A run's worker, which has ended meanwhile.
            continue
        told = "\n".join([*command, *environment.values()]).encode()
        assert (command[:6], found_in(told, ours)) == (command[:6], [])
        looked_at += 1
    assert looked_at >= 2
    assert found_in("\n".join(psutil.Process(door.process.pid).cmdline()).encode(), canaries) == []


def test_whatever_graphql_can_be_asked_without_an_argument_it_tells_no_secret(
    door: Whole, canaries: dict[str, str], measured: Measured
) -> None:
    questions = list(all_questions(door.graphql(TYPES)["__schema"]))
    assert len(questions) > 20
    asked = 0
    for name, question in questions:
        answer = door.get("/graphql", "POST", json={"query": f"{{ {question} }}"})
        assert answer.status_code in {200, 500}, (name, answer.text[:500])
        assert (name, found_in(answer.content, canaries)) == (name, [])
        asked += question.count(" ")
    measured("fields that GraphQL was asked for, searched for secrets", str(asked))


def all_questions(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field of Query that needs no argument, with all below it that needs none, some levels deep."""
    types = {each["name"]: each for each in schema["types"]}

    def named(kind: dict[str, Any]) -> str:
        while kind.get("ofType"):
            kind = kind["ofType"]
        return str(kind["name"])

    def free(field: dict[str, Any]) -> bool:
        return all(argument["type"]["kind"] != "NON_NULL" for argument in field["args"])

    def below(name: str, left: int) -> str:
        kind = types[name]
        if kind["kind"] in {"UNION", "INTERFACE"}:
            parts = [
                f"... on {one['name']} {inner}" for one in kind["possibleTypes"] if (inner := below(one["name"], left))
            ]
            return f"{{ __typename {' '.join(parts)} }}" if parts else ""
        parts = []
        for position, field in enumerate(kind["fields"] or ()):
            if not free(field):
                continue
            inner_name = named(field["type"])
            # Fields of the same name in several types of a union must be told apart.
            alias = f"{name}_{position}: {field['name']}"
            if types[inner_name]["kind"] in {"SCALAR", "ENUM"}:
                parts.append(alias)
            elif left and (inner := below(inner_name, left - 1)):
                parts.append(f"{alias} {inner}")
        return f"{{ {' '.join(parts)} }}" if parts else ""

    for field in schema["queryType"]["fields"]:
        if not free(field):
            continue
        for depth in range(DEEP, -1, -1):
            inner = below(named(field["type"]), depth)
            if inner.count(" ") <= MOST_FIELDS:
                yield field["name"], f"{field['name']} {inner}"
                break


def test_what_is_kept_is_for_this_user_alone_though_the_umask_was_none(door: Whole) -> None:
    home = Path(door.environment["RATINGO_HOME"])
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*")) if not path.is_symlink()}

    assert len(modes) > 20
    assert {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_a_restart_closes_what_was_opened_and_leaves_logged_out_who_was(door: Whole, canaries: dict[str, str]) -> None:
    page, other = door.cookie(PASSWORD), door.cookie(PASSWORD)
    door.ask("/logout", "POST", headers=page | {"Origin": door.url})
    home = Path(door.environment["RATINGO_HOME"])
    for path in (home, home / "ratingo.db", home / "audit" / "changes.jsonl", home / "dagster" / "history" / "runs.db"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    door.stop()

    again = start(door.folder, {**door.environment, "CRON_SECRET_PREVIOUS": SECRET, "CRON_SECRET": PREVIOUS})
    try:
        until(lambda: again.ask("/healthz").ok, 60, "it answers")
        assert again.ask("/runs", headers=page | BROWSER).status_code == 303
        assert again.ask("/runs", headers=other | BROWSER).status_code == 200
        assert not [path for path in (home, *home.rglob("*")) if stat.S_IMODE(path.lstat().st_mode) & 0o077]
        everybody = other | {"Origin": again.url}
        assert again.ask("/logout", "POST", headers=everybody, data={"everywhere": "yes"}).status_code == 303
        assert again.ask("/runs", headers=other | BROWSER).status_code == 303
    finally:
        again.stop()
