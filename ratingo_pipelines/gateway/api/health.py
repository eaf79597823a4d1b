"""Whether the parts work: database, code location, daemon. How they are kept working is `serve`'s."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic.alias_generators import to_camel
from sqlalchemy.exc import SQLAlchemyError

from ratingo_pipelines.dagster_instance.heartbeats import heartbeat_ages, silent
from ratingo_pipelines.dagster_instance.internals import IWorkspaceProcessContext
from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.gateway.api.progress import Progress
from ratingo_pipelines.gateway.api.runs import LOCATION
from ratingo_pipelines.home import damage_of_history
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sources.scrub import one_line
from ratingo_pipelines.storage.attempts import TRENDING
from ratingo_pipelines.storage.engine import StorageError
from ratingo_pipelines.sync.alerts import cycles_due_since
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.status import MediumStatus

LOCATION_SECONDS = 2


class Health:
    """Looks at each part anew; blocking, for a thread."""

    def __init__(self, context: IWorkspaceProcessContext, progress: Progress, crons: Mapping[str, str]) -> None:
        """`crons` say when each medium should have a new cycle."""
        self._context = context
        self._progress = progress
        self._crons = crons

    def look(self, strict: bool = False) -> dict[str, Any]:
        """What each part says; `ready` if all are well, and `strict`ly only while the lists are up to date."""
        database, media = self._database()
        history = self._history()
        daemon = (
            self._daemon() if history["ok"] else {"ok": False, "error": "not known while the history cannot be read"}
        )
        parts = {"database": database, "history": history, "codeLocation": self._location(), "daemon": daemon}
        up_to_date = self._up_to_date(media)
        ready = all(part["ok"] for part in parts.values()) and (up_to_date["ok"] or not strict)
        cycles = {medium.medium: _said(medium) for medium in media}
        return {"ready": ready, **parts, "upToDate": up_to_date, "cycles": cycles}

    def _database(self) -> tuple[dict[str, Any], tuple[MediumStatus, ...]]:
        try:
            return {"ok": True}, self._progress.overview()
        except StorageError as error:
            return {"ok": False, "error": str(error)}, ()

    def _up_to_date(self, media: Sequence[MediumStatus]) -> dict[str, Any]:
        """Whether each scheduled medium has the cycle that it should have, and its list came well the last time."""
        if not media:
            return {"ok": False, "error": "not known while the database cannot be read"}
        due_since = cycles_due_since(self._crons, utc_now())
        wrong = [said for medium in media if (said := _fault_of(medium, due_since.get(medium.medium)))]
        return {"ok": False, "error": one_line("; ".join(wrong))} if wrong else {"ok": True}

    def _history(self) -> dict[str, Any]:
        """Whether Dagster's own storage can be read: its runs, what was materialized, its schedules."""
        instance = self._context.instance
        # The files as others find them: what this process has open it may still read from its memory.
        if damage := damage_of_history(Path(instance.root_directory)):
            return {"ok": False, "error": one_line(damage)}
        try:
            instance.get_run_records(limit=1)
            instance.get_latest_materialization_event(key(SHOWS, "trending"))
            instance.all_instigator_state()
        except (SQLAlchemyError, dg.DagsterError) as error:
            return {"ok": False, "error": one_line(f"Dagster's history cannot be read: {str(error).splitlines()[0]}")}
        return {"ok": True}

    def _location(self) -> dict[str, Any]:
        entry = self._context.create_request_context().get_location_entry(LOCATION)
        if entry is None:
            return {"ok": False, "error": f"the workspace has no code location {LOCATION}"}
        if entry.code_location is None:
            message = entry.load_error.message if entry.load_error else "not loaded"
            return {"ok": False, "error": one_line(message)}
        try:
            entry.code_location.client.get_server_id(timeout=LOCATION_SECONDS)
        except dg.DagsterError as error:
            return {"ok": False, "error": one_line(error)}
        return {"ok": True}

    def _daemon(self) -> dict[str, Any]:
        ages = heartbeat_ages(self._context.instance)
        wanting = silent(ages)
        known = [age for age in ages.values() if age is not None]
        oldest = {"heartbeatAgeSeconds": round(max(known))} if known else {}
        return {"ok": not wanting, **oldest, **({"withoutHeartbeat": wanting} if wanting else {})}


def _fault_of(medium: MediumStatus, due_since: datetime | None) -> str | None:
    """Why what is served of a medium is not up to date."""
    asked = medium.attempts.get(TRENDING)
    if asked is not None and not asked.well:
        return f"{medium.medium}: {asked.reason or asked.outcome}"
    if due_since is None or (medium.cycle is not None and medium.cycle.cycle_at >= due_since):
        return None
    return f"{medium.medium}: no cycle since {due_since:%Y-%m-%d %H:%M} UTC"


def _said(medium: MediumStatus) -> dict[str, Any]:
    """How old the latest cycle is and what came of asking the sources; what does not apply is absent."""
    said: dict[str, Any] = {"ageSeconds": medium.age_seconds, **_camel(medium.lately)}
    if medium.doubts:
        said["doubts"] = sum(count.titles for count in medium.doubts)
    return said


def _camel(value: Any) -> Any:
    """The same with the names of its fields in camel case; what is keyed by a reason keeps it."""
    if isinstance(value, dict):
        return {to_camel(key) if " " not in key else key: _camel(each) for key, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list) else value
