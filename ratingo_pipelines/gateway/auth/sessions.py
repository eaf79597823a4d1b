"""The cookie people get for a secret: signed by itsdangerous, with an end, and revocable.

A session outlives a restart, but neither the secret it was signed with nor a change of the UI's password. Logging out
outlives a restart as well: what was ended before its time is noted in a file of the home.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import time

from filelock import FileLock
from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import Headers

from ratingo_pipelines.gateway.auth.watched import Watched
from ratingo_pipelines.home import replace_file

LIFETIME_SECONDS = 12 * 60 * 60
COOKIE, SECURE_COOKIE = "ratingo_session", "__Host-ratingo_session"
"""A browser takes a cookie whose name begins with `__Host-` only over https, for this very host and all its paths
(https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes)."""
SHAPE = re.compile(r"eyJ[A-Za-z0-9_-]{16,}(\.[A-Za-z0-9_-]{8,}){1,2}")
"""What a signed session looks like, and a JSON web token: not to be shown where somebody sends one elsewhere."""
MOST_COOKIES = 8
"""Of one name in one request; another site on this host, or another path, may have set some."""


@dataclass(frozen=True)
class LoginSession:
    """A login; `ends_at` is a Unix time."""

    name: str
    ends_at: int
    by: str
    """The secret that was given: CRON_SECRET, UI_PASSWORD, or `token` and its name."""
    token: str = ""
    """Which token of that name it was."""
    epoch: str = ""


@dataclass(frozen=True)
class _Ended:
    """What was ended before its time: all sessions of other epochs, and those named, with their ends."""

    epoch: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    sessions: dict[str, int] = field(default_factory=dict)


class Logouts:
    """Which sessions were ended by logging out. In a file, if there is one, for this process and those after it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._here = _Ended()
        # A file that is gone or damaged names no epoch that a session has: then everybody has to log in again.
        self._file = Watched(path, _read_ended, _Ended) if path else None
        if self._file is not None and not self._file.there:
            self._write(self._here)

    @property
    def epoch(self) -> str:
        """What sessions of now have in common; another after everybody was logged out."""
        return self._ended.epoch

    def include(self, session: LoginSession) -> bool:
        """Whether the session was ended."""
        ended = self._ended
        return session.epoch != ended.epoch or session.name in ended.sessions

    def add(self, session: LoginSession, now: float) -> None:
        """End the session. Raises OSError where that cannot be kept."""
        with self._alone():
            ended = self._ended
            left = {name: ends_at for name, ends_at in ended.sessions.items() if ends_at > now}
            self._write(_Ended(ended.epoch, left | {session.name: session.ends_at}))

    def add_all(self) -> None:
        """End all sessions there are. Raises OSError where that cannot be kept."""
        with self._alone():
            self._write(_Ended())

    @property
    def _ended(self) -> _Ended:
        return self._here if self._file is None else self._file.value

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process on this home changes the file meanwhile."""
        with nullcontext() if self._path is None else FileLock(f"{self._path}.lock", mode=0o600):
            yield

    def _write(self, ended: _Ended) -> None:
        self._here = ended
        if self._path is not None:
            replace_file(self._path, json.dumps({"epoch": ended.epoch, "ended": ended.sessions}))


class Sessions:
    """Issues, reads and revokes sessions. The first secret signs; all of them are good for reading."""

    def __init__(
        self,
        secrets: Sequence[str],
        password: str | None = None,
        logouts: Logouts | None = None,
        now: Callable[[], float] = time,
    ) -> None:
        # itsdangerous signs with the last key, and takes what was signed with any of them
        # (https://itsdangerous.palletsprojects.com/en/stable/concepts/#key-rotation).
        keys = [f"{secret}\0{password or ''}" for secret in reversed(secrets)]
        self._serializer = URLSafeSerializer(
            keys, salt="ratingo session", signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
        )
        self._logouts = logouts or Logouts()
        self._now = now

    def issue(self, by: str, token: str = "") -> str:
        """A cookie's value for a new session of who gave this secret."""
        session = LoginSession(
            name=secrets.token_urlsafe(16),
            ends_at=int(self._now()) + LIFETIME_SECONDS,
            by=by,
            token=token,
            epoch=self._logouts.epoch,
        )
        return str(self._serializer.dumps(vars(session)))

    def read(self, value: str) -> LoginSession | None:
        """The session of a cookie, unless it is forged, over or revoked."""
        try:
            session = LoginSession(**self._serializer.loads(value.encode("utf-8", "surrogateescape")))
        except (BadData, TypeError):
            return None
        return session if self.lives(session) else None

    def lives(self, session: LoginSession) -> bool:
        """Whether the session is neither over nor revoked."""
        return self._now() < session.ends_at and not self._logouts.include(session)

    def revoke(self, session: LoginSession) -> None:
        """End the session, wherever its cookie was copied to. Raises OSError where that cannot be kept."""
        self._logouts.add(session, self._now())

    def revoke_all(self) -> None:
        """End all sessions of everybody. Raises OSError where that cannot be kept."""
        self._logouts.add_all()


def cookie_name(scheme: str) -> str:
    """The name of the session's cookie; under https one that nobody but this host over https can have set."""
    return SECURE_COOKIE if scheme in ("https", "wss") else COOKIE


def cookies(headers: Headers, scheme: str) -> list[str]:
    """The values of all cookies of the session's name, in the order in which the browser sent them."""
    wanted = cookie_name(scheme)
    pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [value.strip(' "') for name, _, value in pairs if name == wanted][:MOST_COOKIES]


def _read_ended(text: str) -> _Ended:
    kept = json.loads(text)
    return _Ended(str(kept["epoch"]), {str(name): int(ends_at) for name, ends_at in kept["ended"].items()})
