"""Which requests become lines of the audit, over real HTTP."""

import errno
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratingo_pipelines.gateway.auth.audit import Audit
from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.tokens import add_token
from ratingo_pipelines_tests.gateway.served import BEARER, PASSWORD, PROCESS, SECRET, STATUS, Served


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    """An audit in files."""
    with closing(Audit(tmp_path)) as opened:
        yield opened


def audited(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of one of the audit's files, without their times."""
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    assert all(datetime.fromisoformat(line.pop("at")).tzinfo for line in lines)
    return lines


def test_whatever_changes_something_is_a_line_that_says_who_and_what_came_of_it(
    new_gateway: Callable[..., Served], audit: Audit, tmp_path: Path, tokens: Path
) -> None:
    gateway = new_gateway(audit=audit, tokens=tokens, password=PASSWORD)
    cron = {"Authorization": f"Bearer {add_token(tokens, 'cron', Role.TRIGGER)}"}
    page = gateway.page(PASSWORD)

    gateway.ask(PROCESS, headers=cron)
    gateway.ask("/graphql", "POST", json={"query": "mutation { shown: setNuxSeen }"}, headers=page)
    gateway.ask("/graphql", "POST", json={"query": "{ __typename }"}, headers=page)
    gateway.ask(STATUS, headers=BEARER)
    gateway.ask("/report_asset_check/x", "POST", headers=BEARER)
    gateway.ask("/logout", "POST", headers=page)

    lines = audited(tmp_path, "changes.jsonl")
    assert {line["from"] for line in lines} == {"127.0.0.1"}
    assert [(re.sub("session .*", "session", line["who"]), line["what"], line["outcome"]) for line in lines] == [
        ("UI_PASSWORD, session", "login", "logged in"),
        ("token cron", "GET /api/sync/trending/process", "200, success"),
        ("UI_PASSWORD, session", "mutation setNuxSeen", "200"),
        ("CRON_SECRET", "POST /report_asset_check/x", "400"),
        ("UI_PASSWORD, session", "logout", "logged out"),
    ]


def test_refusals_are_told_apart_and_kept_elsewhere_and_no_line_has_a_secret(
    new_gateway: Callable[..., Served], audit: Audit, tmp_path: Path, tokens: Path
) -> None:
    gateway = new_gateway(audit=audit, tokens=tokens, password=PASSWORD)
    token = add_token(tokens, "reader", Role.READ)
    reader = {"Authorization": f"Bearer {token}"}
    cookie = gateway.cookie(PASSWORD)

    gateway.ask(STATUS)
    gateway.ask(STATUS, headers={"Authorization": "Bearer not-the-secret"})
    gateway.ask(f"{STATUS}?token={SECRET}")
    gateway.ask(f"/api/{token}", "POST", headers=reader)
    gateway.ask("/graphql", "POST", json={"query": "mutation { setNuxSeen }"}, headers=reader)
    gateway.ask(PROCESS, "POST", headers=cookie | {"Origin": "https://evil.example"})
    gateway.ask(PROCESS, headers=cookie)
    gateway.log_in("not-the-password")
    gateway.log_in(PASSWORD, headers={"Origin": "https://evil.example"})

    told = [(line.get("who", "?")[:11], line["what"], line["refused"]) for line in audited(tmp_path, "refused.jsonl")]
    assert told == [
        ("?", f"GET {STATUS}", "no credentials"),
        ("?", f"GET {STATUS}", "wrong credentials"),
        ("?", f"GET {STATUS}", "secret in the URL"),
        ("token reade", "POST /api/***", "role"),
        ("token reade", "mutation setNuxSeen", "role"),
        ("UI_PASSWORD", "POST /api/sync/trending/process", "wrong origin"),
        ("UI_PASSWORD", "GET /api/sync/trending/process", "method"),
        ("?", "login", "wrong credentials"),
        ("?", "login", "wrong origin"),
    ]
    kept = "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))
    assert not [secret for secret in (SECRET, PASSWORD, token, "not-the", cookie["Cookie"][-20:]) if secret in kept]


def test_a_line_that_cannot_be_written_is_logged_and_keeps_nobody_from_working(
    new_gateway: Callable[..., Served],
    audit: Audit,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    [handler] = audit._changes.handlers
    monkeypatch.setattr(handler, "stream", SimpleNamespace(write=full, flush=bool, close=bool, seek=bool, tell=int))
    gateway = new_gateway(audit=audit)

    assert gateway.ask(PROCESS, headers=BEARER).json()["success"] is True
    assert "changes.jsonl cannot be written" in caplog.text
    assert "GET /api/sync/trending/process" in caplog.text
    assert "Traceback" not in caplog.text
