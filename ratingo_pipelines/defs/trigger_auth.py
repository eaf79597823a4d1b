"""The secret of the trigger endpoints, as a resource; who asks for it and what is answered is the gateway's.

In `Definitions` its values are variables of the environment by name: a literal would show in the UI. The gateway makes
it from its settings, and shows it nowhere.
"""

import hmac
import os
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Self

import dagster as dg

SECRET, PREVIOUS = "CRON_SECRET", "CRON_SECRET_PREVIOUS"
SHORTEST_SECRET = 32
"""Characters; too many to be guessed however often one may try."""


class BearerCheck:
    """Tells right tokens from wrong ones, in a time that does not depend on where they differ."""

    def __init__(self, secrets: Mapping[str, str], shortest: int = SHORTEST_SECRET) -> None:
        """`secrets` by the names of their variables."""
        if not secrets or any(len(secret) < shortest for secret in secrets.values()):
            raise ValueError(f"must have at least {shortest} characters")
        self._digests = {name: _digest(secret.encode()) for name, secret in secrets.items()}

    def __repr__(self) -> str:
        """The names of the secrets that are accepted, and none of them."""
        return f"BearerCheck({', '.join(self._digests)})"

    @property
    def names(self) -> Collection[str]:
        """The names of the secrets that are accepted."""
        return self._digests.keys()

    def admits(self, token: str | bytes) -> bool:
        """Whether this is one of the secrets."""
        return self.name_of(token) is not None

    def name_of(self, token: str | bytes) -> str | None:
        """The name of the secret that this is."""
        digest = _digest(token if isinstance(token, bytes) else token.encode("utf-8", "surrogateescape"))
        # All are compared, and as digests, so that neither their number nor their lengths show in the time.
        same = [name for name, known in self._digests.items() if hmac.compare_digest(digest, known)]
        return same[0] if same else None


class TriggerAuth(dg.ConfigurableResource):
    """`Authorization: Bearer $CRON_SECRET`; during a rotation the previous secret is accepted as well."""

    secret: str
    previous: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """For `Definitions`: as `CRON_SECRET` and, where it is set, `CRON_SECRET_PREVIOUS` say when it is used."""
        return cls(secret=dg.EnvVar(SECRET), previous=dg.EnvVar(PREVIOUS) if os.environ.get(PREVIOUS) else None)

    def __repr__(self) -> str:
        """Only what it is: once its variables are read, its fields are the secrets themselves."""
        return "TriggerAuth()"

    __str__ = __repr__

    def checker(self) -> BearerCheck:
        """Vend the check. Raises ValueError for a secret that is too short."""
        return BearerCheck({SECRET: self.secret, **({PREVIOUS: self.previous} if self.previous else {})})


def _digest(token: bytes) -> bytes:
    return sha256(token).digest()
