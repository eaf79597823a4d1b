"""Whether the parts work: database, code location, daemon. How they are kept working is `serve`'s."""

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
from ratingo_pipelines.storage.engine import StorageError
from ratingo_pipelines.sync.status import MediumStatus

LOCATION_SECONDS = 2


class Health:
    """Looks at each part anew; blocking, for a thread."""

    def __init__(self, context: IWorkspaceProcessContext, progress: Progress) -> None:
        self._context = context
        self._progress = progress

    def look(self) -> dict[str, Any]:
        """What each part says; `ready` if all are well."""
        database, cycles = self._database()
        history = self._history()
        daemon = (
            self._daemon() if history["ok"] else {"ok": False, "error": "not known while the history cannot be read"}
        )
        parts = {"database": database, "history": history, "codeLocation": self._location(), "daemon": daemon}
        return {"ready": all(part["ok"] for part in parts.values()), **parts, "cycles": cycles}

    def _database(self) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            media = self._progress.overview()
        except StorageError as error:
            return {"ok": False, "error": str(error)}, {}
        return {"ok": True}, {medium.medium: _said(medium) for medium in media}

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
