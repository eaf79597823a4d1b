"""Dagster's own processes beside the web application: the code server, the daemon, and where they meet.

The code server takes whatever it is told to run: it listens on a socket in a folder that is this user's alone, not on
a port.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from ratingo_pipelines.dagster_instance.internals import DagsterGrpcClient
from ratingo_pipelines.gateway.api.runs import LOCATION
from ratingo_pipelines.gateway.processes.supervisor import Command
from ratingo_pipelines.home import replace_file
from ratingo_pipelines.settings import SettingsError

LOG_LEVEL = "warning"
SECRET_VARIABLES = ("CRON_SECRET", "CRON_SECRET_PREVIOUS", "UI_PASSWORD")
LONGEST_SOCKET_PATH = 100
"""Bytes; the system allows a few more."""
ANSWER_SECONDS = 1


class ServiceCommands:
    """The commands and files of one Dagster home. The paths stay the same from start to start: Dagster keeps them.

    With `loads_anew` the UI's "Reload" loads changed code; otherwise it stays as it was at the start.
    """

    def __init__(self, dagster_home: Path, loads_anew: bool = False) -> None:
        folder = _folder(dagster_home)
        self.socket = folder / "code-server.sock"
        self.workspace = folder / "workspace.yaml"
        self._loads_anew = loads_anew
        server = {"host": "localhost", "socket": str(self.socket), "location_name": LOCATION}
        # JSON is YAML.
        replace_file(self.workspace, json.dumps({"load_from": [{"grpc_server": server}]}))

    def code_server(self) -> Command:
        """Loads the definitions, and launches the runs."""
        module = ["--module-name", "ratingo_pipelines.definitions", "--location-name", LOCATION]
        server = ["code-server", "start"] if self._loads_anew else ["api", "grpc"]
        return _command("code server", "dagster", *server, "--socket", str(self.socket), *module)

    def daemon(self) -> Command:
        """Takes runs from the queue; runs schedules, sensors and backfills. To be started once the other answers."""
        return _command("daemon", "dagster._daemon", "run", "--workspace", str(self.workspace))

    def code_server_answers(self) -> bool:
        """Whether the code server is there."""
        with suppress(dg.DagsterError):
            DagsterGrpcClient(socket=str(self.socket)).get_server_id(timeout=ANSWER_SECONDS)
            return True
        return False


def _command(name: str, module: str, *arguments: str) -> Command:
    """With the environment but for the secrets of the gateway."""
    environment = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
    return Command(name, ["-m", module, *arguments, "--log-level", LOG_LEVEL], environment)


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Hold the home: two daemons on one instance would do everything twice. Raises SettingsError."""
    lock = FileLock(home / "serve.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise SettingsError(f"another `ratingo serve` works in {home}; end it, or set RATINGO_HOME") from None
    try:
        yield
    finally:
        lock.release()


def _folder(dagster_home: Path) -> Path:
    """A folder in the home; in the temporary folder where a socket's path would become too long."""
    folder = dagster_home / "serve"
    if len(os.fsencode(folder / "code-server.sock")) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(dagster_home)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"ratingo-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise SettingsError(f"{folder} belongs to somebody else; remove it")
    folder.chmod(0o700)
    return folder
