"""The secret of the trigger endpoints, as a resource; who asks for it and what is answered is the gateway's.

In `Definitions` its values are variables of the environment by name: a literal would show in the UI. The gateway makes
it from its settings, and shows it nowhere.
"""

import hmac
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Self

import dagster as dg

SHORTEST_SECRET = 32
"""Characters; too many to be guessed however often one may try."""


class BearerCheck:
    """Tells right tokens from wrong ones, in a time that does not depend on where they differ."""

    def __init__(self, secrets: Sequence[str], shortest: int = SHORTEST_SECRET) -> None:
        if not secrets or any(len(secret) < shortest for secret in secrets):
            raise ValueError(f"must have at least {shortest} characters")
        self._digests = [_digest(secret.encode()) for secret in secrets]

    def __repr__(self) -> str:
        """How many secrets are accepted, and none of them."""
        return f"BearerCheck({len(self._digests)})"

    def admits(self, token: str | bytes) -> bool:
        """Whether this is one of the secrets."""
        digest = _digest(token if isinstance(token, bytes) else token.encode("utf-8", "surrogateescape"))
        # All are compared, and as digests, so that neither their number nor their lengths show in the time.
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0


class TriggerAuth(dg.ConfigurableResource):
    """`Authorization: Bearer $CRON_SECRET`; during a rotation the previous secret is accepted as well."""

    secret: str
    previous: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """For `Definitions`: as `CRON_SECRET` and, where it is set, `CRON_SECRET_PREVIOUS` say when it is used."""
        previous = dg.EnvVar("CRON_SECRET_PREVIOUS") if os.environ.get("CRON_SECRET_PREVIOUS") else None
        return cls(secret=dg.EnvVar("CRON_SECRET"), previous=previous)

    def __repr__(self) -> str:
        """Only what it is: once its variables are read, its fields are the secrets themselves."""
        return "TriggerAuth()"

    __str__ = __repr__

    def checker(self) -> BearerCheck:
        """Vend the check. Raises ValueError for a secret that is too short."""
        return BearerCheck([secret for secret in (self.secret, self.previous) if secret])


def _digest(token: bytes) -> bytes:
    return sha256(token).digest()
