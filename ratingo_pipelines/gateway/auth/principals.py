"""Who asks, once authenticated, and how much they may do. How they prove it is the business of `authenticators`."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum

from ratingo_pipelines.gateway.auth.sessions import LoginSession

NAME_SHOWN = 8
"""Characters of a session's name: enough to tell sessions apart, and useless to whoever reads a log."""


class Role(IntEnum):
    """What a caller may do; each may do what those before it may."""

    READ = 1
    """Status, metrics, the description of the endpoints, GraphQL queries."""
    TRIGGER = 2
    """Start what the endpoints start."""
    ADMIN = 3
    """Everything: Dagster's UI, GraphQL mutations."""

    def __str__(self) -> str:
        """As the file of tokens names it."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> "Role":
        """Read `trigger`. Raises ValueError."""
        for role in cls:
            if str(role) == text:
                return role
        raise ValueError(f"the role must be {', '.join(map(str, list(cls)[:-1]))} or {list(cls)[-1]}")


@dataclass(frozen=True)
class Principal:
    """An authenticated caller: by which secret, with what role, and in which session if it is a person's browser."""

    name: str
    """CRON_SECRET, UI_PASSWORD, or `token` and its name."""
    role: Role
    session: LoginSession | None = None
    ambient: bool = False
    """Whether a browser says so by itself, whatever page makes it ask."""

    def __str__(self) -> str:
        """As logs, runs and the audit name it; never a secret."""
        return self.name if self.session is None else f"{self.name}, session {self.session.name[:NAME_SHOWN]}"


CALLER: ContextVar[Principal | None] = ContextVar("caller", default=None)
"""Who the request under way is from; nobody where no authentication is asked for."""
