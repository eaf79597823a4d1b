"""The secrets that authenticate, from the settings: refused where they could be guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from ratingo_pipelines.defs.trigger_auth import PREVIOUS, SECRET, SHORTEST_SECRET, BearerCheck, TriggerAuth
from ratingo_pipelines.gateway.auth.principals import Principal, Role
from ratingo_pipelines.gateway.auth.sessions import LoginSession, Logouts, Sessions
from ratingo_pipelines.gateway.auth.tokens import Token, Tokens, check_tokens
from ratingo_pipelines.gateway.auth.weakness import weakness
from ratingo_pipelines.settings import Settings, SettingsError
from ratingo_pipelines.sources.scrub import register_secrets
from ratingo_pipelines.storage.engine import normalised_url

PASSWORD = "UI_PASSWORD"  # noqa: S105 - the name of a variable
SHORTEST_PASSWORD = 12
"""Characters; answers to wrong ones are slow."""
LOGOUTS = "sessions.json"
HOW_TO_MAKE_ONE = "`openssl rand -hex 32` makes a good one"


@dataclass(frozen=True)
class Secrets:
    """The check of the bearer secret, that of the UI's password if there is one, the named tokens, and the sessions."""

    check: BearerCheck
    password: BearerCheck | None
    sessions: Sessions
    tokens: Tokens | None = None

    def bearer(self, token: str | bytes) -> Principal | None:
        """Who this is the secret of."""
        name = self.check.name_of(token)
        if name is not None:
            return Principal(name, Role.ADMIN)
        found = self._token(token)
        return found.principal if found is not None else None

    def log_in(self, given: str) -> str | None:
        """The cookie's value for who gives a secret or the password; None for a wrong one."""
        name = self.check.name_of(given) or (self.password and self.password.name_of(given))
        if name:
            return self.sessions.issue(name)
        token = self._token(given)
        return None if token is None else self.sessions.issue(token.principal.name, token.fingerprint)

    def session(self, cookies: Sequence[str]) -> Principal | None:
        """Who a browser's cookies are of: the first of them that is good."""
        found = (self.sessions.read(value) for value in cookies)
        return next((principal for session in found if session and (principal := self._of(session))), None)

    def lives(self, principal: Principal) -> bool:
        """Whether a session is neither over nor ended, and its token still there."""
        session = principal.session
        return session is None or (self.sessions.lives(session) and self._of(session) is not None)

    def admits(self, value: str) -> bool:
        """Whether this is any of the secrets, whatever it is good for."""
        return self.bearer(value) is not None or bool(self.password and self.password.admits(value))

    def _token(self, token: str | bytes) -> Token | None:
        return self.tokens.find(token) if self.tokens is not None else None

    def _of(self, session: LoginSession) -> Principal | None:
        if not session.token:
            known = session.by in self.check.names or (self.password is not None and session.by in self.password.names)
            return Principal(session.by, Role.ADMIN, session, ambient=True) if known else None
        token = self.tokens.named(session.by.removeprefix("token "), session.token) if self.tokens is not None else None
        return None if token is None else Principal(session.by, token.role, session, ambient=True)


def keep_out_of_logs(settings: Settings) -> None:
    """Have no secret of the settings shown in this process's logs, whoever sends it in a path or elsewhere."""
    secrets = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    register_secrets([*secrets, normalised_url(settings.database).password or ""])


def open_secrets(settings: Settings) -> Secrets:
    """Take the secrets. Raises SettingsError for missing and weak ones."""
    secret, previous, password = (
        value.get_secret_value() if value else ""
        for value in (settings.cron_secret, settings.cron_secret_previous, settings.ui_password)
    )
    if not secret:
        raise SettingsError(f"{SECRET}: missing; {HOW_TO_MAKE_ONE}")
    # Of two that are the same the later one is named.
    _refuse_weak(SECRET, secret, SHORTEST_SECRET, {})
    _refuse_weak(PREVIOUS, previous, SHORTEST_SECRET, {SECRET: secret})
    _refuse_weak(PASSWORD, password, SHORTEST_PASSWORD, {SECRET: secret, PREVIOUS: previous})
    check_tokens(settings.tokens_file)
    return Secrets(
        check=TriggerAuth(secret=secret, previous=previous or None).checker(),
        password=BearerCheck({PASSWORD: password}, SHORTEST_PASSWORD) if password else None,
        sessions=Sessions([secret, *([previous] if previous else [])], password, _logouts(settings.home)),
        tokens=Tokens(settings.tokens_file),
    )


def _refuse_weak(name: str, secret: str, shortest: int, others: dict[str, str]) -> None:
    if not secret:
        return
    wrong = f"must have at least {shortest} characters" if len(secret) < shortest else weakness(secret, others)
    if wrong:
        raise SettingsError(f"{name}: {wrong}; {HOW_TO_MAKE_ONE}")


def _logouts(home: Path) -> Logouts:
    try:
        return Logouts(home / LOGOUTS)
    except OSError as error:
        raise SettingsError(
            f"{home / LOGOUTS} cannot be written ({error.strerror}); sessions are ended there"
        ) from None
