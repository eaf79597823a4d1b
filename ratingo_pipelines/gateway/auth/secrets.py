"""The secrets that authenticate, from the settings: refused where they could be guessed."""

from dataclasses import dataclass
from secrets import token_hex

from ratingo_pipelines.defs.trigger_auth import SHORTEST_SECRET, BearerCheck, TriggerAuth
from ratingo_pipelines.gateway.auth.sessions import Sessions
from ratingo_pipelines.settings import Settings, SettingsError
from ratingo_pipelines.sources.scrub import register_secrets

SHORTEST_PASSWORD = 12
"""Characters; wrong ones are counted, and an address that sends too many has to wait."""


@dataclass(frozen=True)
class Secrets:
    """The check of the bearer secret, that of the UI's password if there is one, and the sessions of those let in."""

    check: BearerCheck
    password: BearerCheck | None
    sessions: Sessions


def open_secrets(settings: Settings) -> Secrets:
    """Take the secrets, and keep them out of this process's logs. Raises SettingsError for missing and short ones."""
    secret, previous, password = (
        value.get_secret_value() if value else ""
        for value in (settings.cron_secret, settings.cron_secret_previous, settings.ui_password)
    )
    if len(secret) < SHORTEST_SECRET:
        wrong = f"must have at least {SHORTEST_SECRET} characters" if secret else "missing"
        raise SettingsError(f"CRON_SECRET: {wrong}; here is a good one: CRON_SECRET={token_hex(32)}")
    if previous and len(previous) < SHORTEST_SECRET:
        raise SettingsError(f"CRON_SECRET_PREVIOUS: must have at least {SHORTEST_SECRET} characters, or be unset")
    if password and len(password) < SHORTEST_PASSWORD:
        raise SettingsError(f"UI_PASSWORD: must have at least {SHORTEST_PASSWORD} characters, or be unset")
    register_secrets([secret, previous, password])
    return Secrets(
        check=TriggerAuth(secret=secret, previous=previous or None).checker(),
        password=BearerCheck([password], SHORTEST_PASSWORD) if password else None,
        sessions=Sessions([secret, *([previous] if previous else [])], password),
    )
