"""What the endpoints answer, as models: the answers are made of them, and so are OpenAPI's schemas.

Names are those of the site's guide, in camel case. A field that does not apply is absent, not null.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ratingo_pipelines.storage.title_changes import ChangeKind


class ApiModel(BaseModel):
    """JSON in camel case; what was not set is left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Plain values under their JSON names."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class TitleError(ApiModel):
    """A title that failed, and when it is tried again (UTC)."""

    tmdb_id: int
    title: str | None
    stage: str
    error: str
    attempts: int
    next_attempt_at: str | None


class Refusal(ApiModel):
    """A request that was refused: what was wrong, and what to do."""

    success: Literal[False]
    error: str


class OperationAnswer(ApiModel):
    """What every trigger answers: `success` is false only where the operation itself could not run."""

    success: bool
    run_id: str | None = None
    error: str | None = None
    """Why it could not run."""
    stopped: str | None = None
    """Why it ended early although something was done."""
    errors: list[TitleError] | None = None
    complete: bool | None = None
    """False while the run is not over."""
    status_url: str | None = None
    """Where to ask again, below the gateway's own address."""


class ListTotals(ApiModel):
    """Entries of the trending list."""

    trending_fetched: int


class CoordinatorAnswer(OperationAnswer):
    """A trending list was fetched, and its titles wait to be processed."""

    job_id: int | None = None
    tasks_queued: int | None = None
    totals: ListTotals | None = None


class ProcessorAnswer(OperationAnswer):
    """So many titles ended."""

    processed: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    skipped: int | None = None


class TitleAnswer(OperationAnswer):
    """One title was fetched; `id` is the site's."""

    id: int | None = None
    tmdb_id: int | None = None


class BackfillAnswer(ProcessorAnswer):
    """A backfill; `updated` titles have their facts now."""

    updated: int | None = None
    notes: str | None = None


class CalendarCounts(ApiModel):
    """Episodes; those that air no longer as announced are `deleted`."""

    processed: int
    inserted: int
    updated: int
    deleted: int
    days_missing: list[str] | None = None
    """Days that did not come, such as `2026-01-31 to 2026-02-04`: what is known of them stays."""


class CalendarAnswer(OperationAnswer):
    """The calendar was synced."""

    processed: int | None = None
    inserted: int | None = None
    updated: int | None = None
    deleted: int | None = None
    days_missing: list[str] | None = None
    """Days that did not come, such as `2026-01-31 to 2026-02-04`: what is known of them stays."""
    notes: str | None = None


class PruneAnswer(OperationAnswer):
    """So many episodes were removed."""

    deleted: int | None = None


class RatingCounts(ApiModel):
    """Titles whose ratings were stored, and buckets of votes written."""

    updated: int
    buckets_upserted: int


class SnapshotCounts(ApiModel):
    """Snapshots of watchers."""

    inserted: int
    unchanged: int
    processed: int


class StageTotals(ApiModel):
    """Titles of a later stage."""

    updated: int
    failed: int
    skipped: int


class BackfillTotals(ApiModel):
    """The stages after the titles of the list: each backfill under its name, and the calendar."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, StageTotals] = Field(init=False)

    calendar: CalendarCounts | None = None


class PruneTotals(ApiModel):
    """Episodes removed."""

    deleted: int


class BootstrapAnswer(OperationAnswer):
    """Everything of a medium in one run."""

    job_id: int | None = None
    updated: int | None = None
    added: int | None = None
    skipped: int | None = None
    totals: ListTotals | None = None
    ratings: RatingCounts | None = None
    snapshots: SnapshotCounts | None = None
    backfill: BackfillTotals | None = None
    prune: PruneTotals | None = None
    error_count: int | None = None
    timestamp: str | None = None


class JobStats(ApiModel):
    """Entries of the cycle's list: `listed` = `eligible` + `skipped` at any moment."""

    listed: int
    eligible: int
    skipped: int
    max_watchers: int


class CycleJob(ApiModel):
    """The latest cycle, as the site's dashboards know a job."""

    id: int
    status: Literal["pending", "processing", "done", "error"]
    stats: JobStats
    created_at: str | None
    updated_at: str | None
    error: str | None = None
    """Why its titles wait, where the reason is not theirs."""


class TaskCounts(ApiModel):
    """Titles of the latest cycle by where they stand."""

    total: int
    pending: int
    processing: int
    done: int
    error: int


class StatusAnswer(ApiModel):
    """How far the latest cycle is; `job` is null before the first."""

    success: bool
    job: CycleJob | None
    tasks: TaskCounts
    errors: list[TitleError] | None = None


class RunAnswer(OperationAnswer):
    """A run; once it is over, with the answer that its trigger would have given beside these fields."""

    model_config = ConfigDict(extra="allow")

    job: str
    status: str


class PartHealth(ApiModel):
    """One part of the installation, and what is wrong with it where it does not work."""

    model_config = ConfigDict(extra="allow")

    ok: bool
    error: str | None = None


class ReadyAnswer(ApiModel):
    """Whether all parts work; `upToDate` counts where `strict` is asked for.

    `cycles` say how old the latest ones are (seconds) and what came of asking.
    """

    model_config = ConfigDict(extra="allow")

    ready: bool
    database: PartHealth
    history: PartHealth
    code_location: PartHealth
    daemon: PartHealth
    up_to_date: PartHealth
    cycles: dict[str, Any]


class ChangeAnswer(ApiModel):
    """One change of a title. `before` and `after` are null where there was, or is, none."""

    id: int
    """The cursor after it."""
    medium: Literal["shows", "movies"]
    tmdb_id: int
    title: str | None
    kind: ChangeKind
    region: str | None
    """The country, of providers and certifications."""
    before: str | None
    after: str | None
    cycle_id: int | None
    changed_at: str


class ChangesAnswer(ApiModel):
    """Changes in their order; `cursor` is the `since` of the next call, which `more` says to make at once."""

    changes: list[ChangeAnswer]
    cursor: int
    more: bool


class UpAnswer(ApiModel):
    """Only that somebody answers."""

    status: Literal["up"]
