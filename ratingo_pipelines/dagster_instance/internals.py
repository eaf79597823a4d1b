"""The private parts of Dagster that this project leans on, all in one place: why each, and since when it is there.

Only this module imports from a module of Dagster whose name begins with `_`; a test imports it, so that an upgrade
which moves something fails there, with this list at hand. "Since" names the oldest of the releases 1.0, 1.4, 1.6, 1.8
to 1.13 that has the name at this place.
"""

# The types in which storage classes that dagster.yaml names declare their configuration, as those of dagster_postgres
# do. Since 1.0.
from dagster._config import UserConfigSchema

# What Dagster says of a partition that a run is going to materialize. Since 1.0.
from dagster._core.events import AssetMaterializationPlannedData

# Filters of the instance's public `get_backfills`: which of the UI's backfills are under way. Since 1.9.
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionsFilter, BulkActionStatus

# How a launcher tells run monitoring whether a run's worker lives. Since 1.0.
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

# The run queue, of which ours tags runs with who launched them; dagster.yaml names it as `dagster.core...`. Since 1.0.
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

# The table of events, into which many are written at once. Since 1.0.
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

# Dagster's event log in SQLite, of which ours keeps the files open, and where its files are. Since 1.0.
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage

# How long Dagster waits for a locked file. Since 1.13.
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import _event_logs_directory as event_logs_directory

# The web application's workspace, made as `dagster_webserver.cli` makes it; no public function does. Since 1.0.
# `get_viewer_tags` of a request's context tags the backfills that it launches. Since 1.9.
from dagster._core.workspace.context import IWorkspaceProcessContext, WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

# Asks whether the code server on a socket answers, as Dagster's own processes do. Since 1.0.
from dagster._grpc.client import DagsterGrpcClient
from dagster._serdes import ConfigurableClassData

__all__ = [
    "BULK_ACTION_TERMINAL_STATUSES",
    "INDEX_SHARD_NAME",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "AssetMaterializationPlannedData",
    "BulkActionStatus",
    "BulkActionsFilter",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterGrpcClient",
    "IWorkspaceProcessContext",
    "QueuedRunCoordinator",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "SubmitRunContext",
    "UserConfigSchema",
    "WorkerStatus",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "WorkspaceRequestContext",
    "event_logs_directory",
]
