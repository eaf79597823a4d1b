"""Named tokens: a file of one line each, with name, role, SHA-256 of the token, and the day it ends if it does.

Only what the tokens hash to is kept, so that who reads the file has none of them. A token is 256 random bits: to hash
it slowly, as passwords are, would gain nothing.
"""

import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from ratingo_pipelines.gateway.auth.principals import Principal, Role
from ratingo_pipelines.gateway.auth.watched import Watched
from ratingo_pipelines.home import replace_file
from ratingo_pipelines.privacy import is_open_to_others
from ratingo_pipelines.settings import SettingsError

PREFIX = "rtg_"
"""What every token begins with, so that it is known for what it is wherever it turns up."""
TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,}}")
FINGERPRINT = 16
HEADING = "# name role sha256 [end]: `ratingo token add NAME --role trigger` adds a line; read anew when it changes\n"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger("ratingo.gateway")


@dataclass(frozen=True)
class Token:
    """A line of the file. From `ends_at` (UTC) on it opens nothing."""

    name: str
    role: Role
    digest: str
    ends_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """Tells it from another of its name."""
        return sha256(self.digest.encode()).hexdigest()[:FINGERPRINT]

    @property
    def principal(self) -> Principal:
        """Who has it."""
        return Principal(f"token {self.name}", self.role)

    def __str__(self) -> str:
        """Its line."""
        return " ".join([self.name, str(self.role), self.digest, *([_written(self.ends_at)] if self.ends_at else [])])


class Tokens:
    """The tokens of a file, as it is now; none while there is no file."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file: Watched[Mapping[str, Token]] = Watched(path, lambda text: _accepted(path, text), dict)
        self._now = now

    def find(self, token: str | bytes) -> Token | None:
        """The line of a token, unless it has ended."""
        given = token if isinstance(token, bytes) else token.encode("utf-8", "surrogateescape")
        return self._current(self._file.value.get(sha256(given).hexdigest()))

    def named(self, name: str, fingerprint: str) -> Token | None:
        """That very token of a name, if it is still there."""
        found = (each for each in self._file.value.values() if (each.name, each.fingerprint) == (name, fingerprint))
        return self._current(next(found, None))

    def _current(self, token: Token | None) -> Token | None:
        return token if token is not None and (token.ends_at is None or self._now() < token.ends_at) else None


def check_tokens(path: Path) -> None:
    """Look a file of tokens over before it is used. Raises SettingsError, naming the first line that is wrong."""
    if not path.exists():
        return
    try:
        if is_open_to_others(path):
            raise SettingsError(f"RATINGO_TOKENS_FILE: others may read {path}; `chmod 600` it")
        for number, line in _lines(path.read_text(encoding="utf-8")):
            _parsed(path, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"RATINGO_TOKENS_FILE: {path} cannot be read ({type(error).__name__})") from None


def read_tokens(path: Path) -> list[Token]:
    """The tokens of a file in order, those included that have ended. Raises SettingsError for a wrong line."""
    check_tokens(path)
    return [_parsed(path, *each) for each in _lines(path.read_text(encoding="utf-8"))] if path.exists() else []


def add_token(path: Path, name: str, role: Role, ends_at: datetime | None = None) -> str:
    """Add a line; the token, which is kept nowhere. Raises SettingsError for a name that is taken or is none."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is no name for a token: up to 64 letters, digits, dots, dashes and underscores")
    with FileLock(f"{path}.lock", mode=0o600):
        if any(token.name == name for token in read_tokens(path)):
            raise SettingsError(f"there is a token {name} already; remove it first: `ratingo token remove {name}`")
        token = PREFIX + secrets.token_urlsafe(32)
        line = str(Token(name, role, sha256(token.encode()).hexdigest(), ends_at))
        text = path.read_text(encoding="utf-8") if path.exists() else HEADING
        replace_file(path, text + ("" if text.endswith("\n") else "\n") + line + "\n")
    return token


def remove_token(path: Path, name: str) -> None:
    """Take a line out; its token opens nothing from now on. Raises SettingsError where there is none of that name."""
    with FileLock(f"{path}.lock", mode=0o600):
        if all(token.name != name for token in read_tokens(path)):
            raise SettingsError(f"there is no token {name} in {path}")
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        replace_file(path, "".join(line for line in lines if line.split()[:1] != [name]))


def parse_end(text: str) -> datetime:
    """Read `2027-01-31` (it ends as the day begins, UTC) or `2027-01-31T06:00:00Z`. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _accepted(path: Path, text: str) -> Mapping[str, Token]:
    """By digest, the lines that are right; the others open nothing, and neither does a file that others may read."""
    if is_open_to_others(path):
        log.warning("others may read %s: none of its tokens is accepted until you `chmod 600` it", path)
        return {}
    found: dict[str, Token] = {}
    for number, line in _lines(text):
        try:
            token = _parsed(path, number, line)
        except SettingsError as error:
            log.warning("%s; the other lines are accepted", error)
            continue
        found[token.digest] = token
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _parsed(path: Path, number: int, line: str) -> Token:
    where = f"RATINGO_TOKENS_FILE: line {number} of {path}"
    name, role, digest, *rest = [*line.split(), "", "", ""][: max(3, len(line.split()))]
    if not _NAME.fullmatch(name) or not _DIGEST.fullmatch(digest) or len(rest) > 1:
        raise SettingsError(f"{where} must be: name role sha256 [end]")
    try:
        return Token(name, Role.parse(role), digest, parse_end(rest[0]) if rest else None)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
