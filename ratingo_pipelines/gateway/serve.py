"""`ratingo serve`: the gateway's web application on its port, with Dagster's other processes beside it."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import NoReturn

import click
import dagster as dg
import uvicorn
from sqlalchemy.exc import DatabaseError

from ratingo_pipelines.dagster_instance.attribution import AttributingWorkspace
from ratingo_pipelines.dagster_instance.internals import WorkspaceFileTarget
from ratingo_pipelines.gateway.app import Access, compose
from ratingo_pipelines.gateway.auth.audit import audit_in
from ratingo_pipelines.gateway.auth.secrets import keep_out_of_logs, open_secrets
from ratingo_pipelines.gateway.processes.lost_runs import end_lost_runs
from ratingo_pipelines.gateway.processes.services import ServiceCommands, alone_in
from ratingo_pipelines.gateway.processes.shutdown import Shutdown
from ratingo_pipelines.gateway.processes.supervisor import Supervisor
from ratingo_pipelines.gateway.server import BACKLOG, connection_bound, web_server
from ratingo_pipelines.home import damage_of_history, prepare_dagster_home, prepare_home
from ratingo_pipelines.machine import raise_open_files
from ratingo_pipelines.settings import Settings, SettingsError, missing_keys
from ratingo_pipelines.storage.engine import open_database
from ratingo_pipelines.storage.schema import ensure_current
from ratingo_pipelines.text import visible_lines

TICK_SECONDS = 0.25
LOOPBACK = "127.0.0.1"
CHILD_PATIENCE, CHILD_GRACE = 2.0, 1.5
"""For each of the two."""
STATEMENT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW = 15_000, 3600, 20
"""As Dagster's own webserver sets its storage up."""


@dataclass(frozen=True)
class ServeOptions:
    """Where to listen, and whether daemon and code server are somebody else's, as this workspace file says."""

    host: str
    port: int
    workspace: Path | None = None


@dataclass(frozen=True)
class DevOptions(ServeOptions):
    """For who develops: no secret is asked for, this machine alone is served, and code is loaded anew on request."""

    host: str = LOOPBACK
    port: int = 0


def serve(settings: Settings, options: ServeOptions) -> NoReturn:
    """Serve until a signal, and end the process. Raises SettingsError or StorageError if it cannot start."""
    leave(run(settings, options))


def leave(code: int) -> NoReturn:
    """End the process."""
    logging.shutdown()
    sys.stdout.flush()
    # The interpreter would take seconds to put away what has nothing left to save.
    os._exit(code)


def run(settings: Settings, options: ServeOptions) -> int:
    """Serve until a signal; the exit code. Raises SettingsError or StorageError, one line each, if it cannot start."""
    stop = Shutdown()
    stop.install()
    _log_to_stderr()
    open_files = raise_open_files()
    for_developer = isinstance(options, DevOptions)
    keep_out_of_logs(settings)
    prepare_home(settings)
    secrets = None if for_developer else open_secrets(settings)
    database = open_database(settings)
    ensure_current(database)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    prepare_dagster_home(settings)
    if options.workspace is not None and not options.workspace.is_file():
        raise SettingsError(f"{options.workspace}: there is no such workspace file; name one with --workspace")
    with ExitStack() as stack:
        listening = stack.enter_context(_listening(options.host, options.port))
        audit = stack.enter_context(closing(audit_in(settings.home, settings.audit_to_log)))
        access = Access(secrets, audit, settings.trusted_proxies)
        instance = stack.enter_context(dg.DagsterInstance.get())
        if options.workspace is None:
            stack.enter_context(alone_in(settings.home))
            commands = ServiceCommands(settings.dagster, loads_anew=for_developer)
            services = stack.enter_context(_dagster_services(commands, settings, instance, stop))
        else:
            services = DagsterServices(options.workspace)
        if not stop.is_set():
            instance.optimize_for_webserver(STATEMENT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW)
            target = WorkspaceFileTarget([str(services.workspace)])
            context = stack.enter_context(AttributingWorkspace(instance, target, version=dg.__version__))
            app = compose(context, database, access, settings, stop.is_set)
            server = web_server(app, settings.trusted_proxies, connection_bound(open_files))
            with _web(server, listening, services.end) as web:
                _tell(settings, listening, for_developer)
                while web.is_alive() and not stop.wait(TICK_SECONDS):
                    services.poll()
    return 0 if stop.is_set() else 1


@dataclass(frozen=True)
class DagsterServices:
    """Dagster's code server and daemon, by the workspace that names them; not ours to keep alive or end by default."""

    workspace: Path
    poll: Callable[[], None] = lambda: None
    end: Callable[[], None] = lambda: None


@contextmanager
def _dagster_services(
    commands: ServiceCommands, settings: Settings, instance: dg.DagsterInstance, stop: Shutdown
) -> Iterator[DagsterServices]:
    """Daemon and code server, from the moment the latter answers."""
    _warn_of_missing_keys(settings)
    supervisor = Supervisor()
    # The services end while the web application does.
    ending = Thread(target=supervisor.end, args=(CHILD_PATIENCE, CHILD_GRACE), name="ending")

    def end() -> None:
        if not ending.is_alive():
            ending.start()

    # Everything may have been killed at once the last time.
    with _damage_told(settings.dagster):
        end_lost_runs(instance, str(commands.socket))
    try:
        supervisor.add(commands.code_server())
        while not commands.code_server_answers() and not stop.wait(TICK_SECONDS):
            supervisor.poll()
        supervisor.add(commands.daemon())
        yield DagsterServices(commands.workspace, supervisor.poll, end)
    finally:
        end()
        ending.join()
        with _damage_told(settings.dagster):
            end_lost_runs(instance, str(commands.socket))


@contextmanager
def _damage_told(dagster_home: Path) -> Iterator[None]:
    """Where Dagster's history cannot be read, name the file. Raises SettingsError."""
    try:
        yield
    except DatabaseError as error:
        if damage := damage_of_history(dagster_home, thorough=True):
            raise SettingsError(damage) from error
        raise


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The port, from the first moment on: whoever calls while the rest starts only waits. Raises SettingsError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"GATEWAY_HOST or --host: {host} cannot be listened on: {error.strerror}") from None
    with listening:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError as error:
            message = f"{host}:{port} cannot be listened on: {error.strerror}; choose another port with --port"
            raise SettingsError(message) from None
        yield listening


@contextmanager
def _web(server: uvicorn.Server, listening: socket.socket, end_services: Callable[[], None]) -> Iterator[Thread]:
    """The web application in a thread of its own: the signals are the main thread's."""
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="web")
    thread.start()
    try:
        yield thread
    finally:
        end_services()
        server.should_exit = True
        thread.join()


class _Visible(logging.Formatter):
    """Lines that steer no terminal, whoever had a part in them."""

    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("ratingo").setLevel(logging.INFO)


def _warn_of_missing_keys(settings: Settings) -> None:
    for names in missing_keys(settings):
        click.echo(f"ratingo: {names} is missing: every sync will fail until it is set", err=True)


def _tell(settings: Settings, listening: socket.socket, for_developer: bool) -> None:
    host, port = listening.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    password = "the UI_PASSWORD" if settings.ui_password else "the CRON_SECRET"
    how = "for this machine alone, without a secret" if for_developer else f"log in with {password}"
    header = "" if for_developer else ", with the header Authorization: Bearer $CRON_SECRET"
    click.echo(f"Ratingo pipelines at {base}, home {settings.home}")
    click.echo(f"  {base}/          Dagster's UI: {how}")
    click.echo(f"  {base}/api/docs  the endpoints that start everything, for cron and curl")
    click.echo(f"  {base}/graphql   GraphQL{header}")
    click.echo("Ctrl-C stops everything.")
    sys.stdout.flush()
