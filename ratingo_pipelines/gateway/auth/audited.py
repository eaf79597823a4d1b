"""Passes on a request that changes something, and audits what came of it: who, what, the runs it names, the outcome."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ratingo_pipelines.gateway.auth.audit import Audit, Change
from ratingo_pipelines.gateway.auth.authenticators import client_of
from ratingo_pipelines.gateway.auth.principals import CALLER

LONGEST_ANSWER = 256 * 1024
"""Bytes of an answer that are looked through."""


async def audited(app: ASGIApp, what: str, audit: Audit, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass on, and note what came of it once it is answered, or the caller gone."""
    status, answered, noted = 0, b"", False

    def note() -> None:
        nonlocal noted
        if not noted:
            noted = True
            content = _object(answered)
            who = CALLER.get() or "nobody"
            audit.changed(Change(who, client_of(scope), what, outcome_of(status, content), run_ids(content)))

    async def watched(message: Message) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            answered += message.get("body", b"") if len(answered) < LONGEST_ANSWER else b""
            if not message.get("more_body", False):
                # Whoever has the answer finds the line.
                note()
        await send(message)

    try:
        await app(scope, receive, watched)
    finally:
        note()


def outcome_of(status: int, content: Mapping[str, Any]) -> str:
    """What an answer says came of it: of a trigger whether it succeeded, of mutations the types of their results."""
    if not status:
        return "no answer"
    said = []
    if "success" in content:
        said.append("success" if content["success"] else f"failed: {content.get('error', '')}")
    if content.get("complete") is False:
        said.append("not over yet")
    results = content.get("data")
    for result in results.values() if isinstance(results, dict) else ():
        if isinstance(result, dict) and isinstance(result.get("__typename"), str):
            said.append(result["__typename"])
    if content.get("errors"):
        said.append("errors")
    return ", ".join([str(status), *said])


def run_ids(content: Mapping[str, Any]) -> list[str]:
    """The runs and backfills that an answer names: what its fields `runId`, `backfillId` and a run's `id` hold."""
    return list(dict.fromkeys(_ids(content, inside="")))


def _ids(value: object, inside: str) -> list[str]:
    if isinstance(value, list):
        return [found for each in value for found in _ids(each, inside)]
    if not isinstance(value, dict):
        return []
    named = {"runId", "backfillId", *(["id"] if inside == "run" else [])}
    here = [each for name, each in value.items() if name in named and isinstance(each, str)]
    listed = value.get("launchedRunIds")
    several = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return [*here, *several, *(found for name, each in value.items() for found in _ids(each, name))]


def _object(answer: bytes) -> dict[str, Any]:
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
