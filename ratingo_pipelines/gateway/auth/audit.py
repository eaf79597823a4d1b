"""Who changed what, and who was refused: a line of JSON each, in files of the home that are never read here.

Changes and refusals are kept apart, each in files that turn over at a size: whoever is refused a million times must not
push out what was changed. No line holds a secret, or anything a caller wrote but the path and names of operations.
"""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ratingo_pipelines.gateway.auth.principals import Principal
from ratingo_pipelines.settings import SettingsError
from ratingo_pipelines.sources.scrub import one_line

FOLDER = "audit"
CHANGES, REFUSALS = "changes.jsonl", "refused.jsonl"
BYTES, FILES = 10_000_000, 5
"""Of each of the two: the newest file, and so many older ones."""
LONGEST_TEXT = 500

log = logging.getLogger("ratingo.audit")


class Why(StrEnum):
    """Why a request was refused."""

    NO_CREDENTIALS = "no credentials"
    WRONG_CREDENTIALS = "wrong credentials"
    WRONG_ORIGIN = "wrong origin"
    ROLE = "role"
    SECRET_IN_URL = "secret in the URL"  # noqa: S105 - a reason
    METHOD = "method"
    TOO_MANY = "too many"


@dataclass(frozen=True)
class Change:
    """Something that was done, or tried, by somebody who was let in."""

    who: Principal | str
    client: str
    what: str
    outcome: str
    run_ids: Sequence[str] = ()


class Audit:
    """Writes the lines into the files of a folder, to the log, to both or to neither."""

    def __init__(self, folder: Path | None = None, to_log: bool = False) -> None:
        self._changes, self._refusals = (_file(folder, name, to_log) for name in (CHANGES, REFUSALS))

    def changed(self, change: Change) -> None:
        """Note what was done."""
        runs = {"runs": list(change.run_ids)} if change.run_ids else {}
        line = {"who": str(change.who), "from": change.client, "what": change.what, **runs, "outcome": change.outcome}
        self._changes.info(_line(line))

    def refused(self, why: Why, client: str, what: str, who: Principal | None = None) -> None:
        """Note what was refused; `who` if the caller was known."""
        known = {"who": str(who)} if who is not None else {}
        self._refusals.info(_line({**known, "from": client, "what": what, "refused": str(why)}))

    def close(self) -> None:
        """Close the files."""
        for logger in (self._changes, self._refusals):
            for handler in list(logger.handlers):
                logger.removeHandler(handler)
                handler.close()


def audit_in(home: Path, to_log: bool) -> Audit:
    """The audit of an installation. Raises SettingsError where its files cannot be written."""
    folder = home / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return Audit(folder, to_log)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be written ({error.strerror}): nobody would know who changed what"
        ) from None


def _file(folder: Path | None, name: str, to_log: bool) -> logging.Logger:
    logger = logging.Logger(f"ratingo.audit.{name}", logging.INFO)
    if folder is not None:
        handler = _File(folder / name, maxBytes=BYTES, backupCount=FILES, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    if to_log:
        logger.addHandler(_ToLog())
    return logger


class _File(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say in one line that a line is lost, and have the request go on: it was let in."""
        log.error("%s cannot be written (%s): %s", self.baseFilename, sys.exception(), record.getMessage())


class _ToLog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log.info(record.getMessage())


def _line(fields: Mapping[str, object]) -> str:
    shown = {
        name: one_line(value)[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in fields.items()
    }
    return json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **shown}, ensure_ascii=False)
