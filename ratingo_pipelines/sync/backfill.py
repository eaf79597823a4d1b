"""What completes stored titles, as data: jobs, assets, retries, endpoints and the command follow from it.

How a source is asked and what is stored of its answers is in the use cases, `omdb` and `meta`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.changes import refresh_changed
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb, backfill_omdb_ids, needless_at_omdb
from ratingo_pipelines.sync.report import NOBODY, BatchReport, Follower
from ratingo_pipelines.sync.work import TitleStage


class AskAboutDue(Protocol):
    """Asks about the titles of a medium that are due, at most `limit` of them."""

    def __call__(  # noqa: D102 -- said above
        self,
        ctx: SyncContext,
        medium: Medium,
        run_id: str,
        *,
        limit: int | None = None,
        follower: Follower = NOBODY,
    ) -> BatchReport: ...


class AskAboutIds(Protocol):
    """Asks about these titles; about those asked recently only where they failed since, or with `force`."""

    def __call__(  # noqa: D102 -- said above
        self,
        ctx: SyncContext,
        medium: Medium,
        tmdb_ids: Sequence[int],
        *,
        force: bool = False,
        follower: Follower = NOBODY,
    ) -> BatchReport: ...


@dataclass(frozen=True)
class Backfill:
    """A source whose facts complete stored titles."""

    name: str
    """Its word in jobs, endpoints, the command, and the stage of its failures: `omdb`."""
    facts: str
    """What titles lack without it."""
    ask_about_due: AskAboutDue
    ask_about_ids: AskAboutIds | None = None
    """With it, the source has an asset of its own, and its failures are retried there."""
    needless: Callable[[SyncContext, Medium, Sequence[int]], Mapping[int, str]] | None = None
    """Says which titles it is not going to be asked about, and why: they lack nothing of it."""

    in_bootstrap: bool = True
    """Whether a bootstrap, which has just asked about everything, runs it."""

    @property
    def asset(self) -> str:
        """The last word of the key of the asset that holds its facts."""
        return self.name if self.ask_about_ids else TitleStage.DETAILS.value


def _omdb(ctx: SyncContext, medium: Medium, run_id: str, **asked: Any) -> BatchReport:
    """OMDb's titles are claimed by nobody, so that no run is named."""
    return backfill_omdb(ctx, medium, **asked)


BACKFILLS = (
    Backfill("omdb", "IMDb's and Metacritic's ratings, by way of OMDb", _omdb, backfill_omdb_ids, needless_at_omdb),
    Backfill("meta", "TMDB's details, stubs of related titles among them", backfill_meta),
    Backfill("changes", "what TMDB has changed since they were stored", refresh_changed, in_bootstrap=False),
)
BOOTSTRAP = tuple(backfill for backfill in BACKFILLS if backfill.in_bootstrap)
"""In the order in which a bootstrap runs them."""
WITH_ASSET = tuple(backfill for backfill in BACKFILLS if backfill.ask_about_ids)
