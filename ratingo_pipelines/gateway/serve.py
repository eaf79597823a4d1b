"""`ratingo serve`: the gateway's web application, with a code server and a daemon as children.

The only port is the gateway's: the code server listens on a socket in a folder that is this user's alone.
"""

import hashlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, Timer
from types import FrameType

import click
import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient
from filelock import FileLock, Timeout

from ratingo_pipelines.gateway.app import compose
from ratingo_pipelines.gateway.children import Children, Command
from ratingo_pipelines.gateway.runs import LOCATION, end_lost_runs
from ratingo_pipelines.gateway.secrets import Secrets, open_secrets
from ratingo_pipelines.home import prepare_dagster_home
from ratingo_pipelines.settings import UPSTREAM_KEYS, Settings, SettingsError
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import ensure_current

TICK_SECONDS = 0.25
LEAVE_SECONDS = 2
"""For requests under way when the server stops; those that wait for a run are let go at once."""
CHILDREN_PATIENCE, CHILDREN_GRACE = 4.0, 2.5
DEADLINE_SECONDS = 9.0
"""Whatever hangs: ten seconds after the signal nothing of this is left."""
BACKLOG = 128
CHILD_LOG_LEVEL = "warning"
SECRET_VARIABLES = ("CRON_SECRET", "CRON_SECRET_PREVIOUS", "UI_PASSWORD")
SOCKET, WORKSPACE = "code-server.sock", "workspace.yaml"
LONGEST_SOCKET_PATH = 100
"""Bytes; the system allows a few more."""
STATEMENT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW = 15_000, 3600, 20
"""As Dagster's own webserver sets its storage up."""


@dataclass(frozen=True)
class Options:
    """Where to listen, and around what: a workspace of one's own, or daemon and code server as children."""

    host: str
    port: int
    gateway_only: bool = False
    workspace: Path = Path(WORKSPACE)


def run(settings: Settings, options: Options) -> int:
    """Serve until a signal; the exit code. Raises SettingsError or StorageError, one line each, if it cannot start."""
    stop = Stop()
    stop.install()
    _log_to_stderr()
    secrets = open_secrets(settings)
    database = Database(settings.database)
    ensure_current(database)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    prepare_dagster_home(settings)
    _warn_of_missing_keys(settings)
    with ExitStack() as stack:
        listening = stack.enter_context(_listening(options))
        instance = stack.enter_context(dg.DagsterInstance.get())
        if options.gateway_only:
            if not options.workspace.is_file():
                raise SettingsError(f"{options.workspace}: there is no such workspace; name one with --workspace")
            _serve(listening, options.workspace, Around(instance, database, secrets), stop, _Nobody())
        else:
            stack.enter_context(_alone_in(settings.home))
            folder = _folder_of_ones_own(settings.dagster)
            workspace, children = _workspace_file(folder), Children(_commands(folder))
            stack.callback(end_lost_runs, instance, str(folder / SOCKET))
            ending = _Ending(children)
            stack.callback(ending.wait)
            if _code_server_answers(folder / SOCKET, children, stop):
                _serve(listening, workspace, Around(instance, database, secrets), stop, ending)
    return 0 if stop.event.is_set() else 1
