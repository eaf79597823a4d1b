"""The cookie people get for the secret: signed, with an end, and revocable. Nothing of it is stored.

A session outlives a restart, but neither the secret it was signed with nor a change of the UI's password.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import time

COOKIE = "ratingo_session"
LIFETIME_SECONDS = 12 * 60 * 60
_VERSION = "v1"


@dataclass(frozen=True)
class LoginSession:
    """A login; `ends_at` is a Unix time."""

    name: str
    ends_at: int


class Sessions:
    """Issues, reads and revokes sessions. The first secret signs; all of them are good for reading."""

    def __init__(self, secrets: Sequence[str], password: str | None = None, now: Callable[[], float] = time) -> None:
        self._keys = [sha256(f"ratingo session\0{secret}\0{password or ''}".encode()).digest() for secret in secrets]
        self._now = now
        self._revoked: dict[str, int] = {}

    def issue(self) -> str:
        """A cookie's value for a new session."""
        body = f"{_VERSION}.{secrets.token_urlsafe(16)}.{int(self._now()) + LIFETIME_SECONDS}"
        return f"{body}.{_signature(self._keys[0], body)}"

    def read(self, value: str) -> LoginSession | None:
        """The session of a cookie, unless it is forged, over or revoked."""
        body, _, signature = value.rpartition(".")
        given = signature.encode("utf-8", "surrogateescape")
        if not any(hmac.compare_digest(_signature(key, body).encode(), given) for key in self._keys):
            return None
        _, name, ends_at = body.split(".")
        session = LoginSession(name, int(ends_at))
        return session if self.lives(session) else None

    def lives(self, session: LoginSession) -> bool:
        """Whether the session is neither over nor revoked."""
        return self._now() < session.ends_at and session.name not in self._revoked

    def revoke(self, session: LoginSession) -> None:
        """End the session, wherever its cookie was copied to."""
        now = self._now()
        self._revoked = {name: ends_at for name, ends_at in self._revoked.items() if ends_at > now}
        self._revoked[session.name] = session.ends_at


def _signature(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode("utf-8", "surrogateescape"), sha256).hexdigest()
