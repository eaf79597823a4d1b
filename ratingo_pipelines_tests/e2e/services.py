"""Dagster's services, as an operator starts them one by one: code server, daemon, webserver, on a home of their own.

They find their settings in the `.env` of their working directory: nothing of it is in their environment. They are
stopped with SIGKILL: that a stop can be orderly is no merit here.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import dagster as dg
import psutil
import yaml

from ratingo_pipelines.home import shipped
from ratingo_pipelines_tests.e2e.ui import LOCATION, Ui
from ratingo_pipelines_tests.installation import (
    environment,
    free_port,
    kill,
    kill_family,
    kill_process,
    listens,
    start,
    until,
)

ALL = ("code_server", "webserver", "daemon")
NEEDED_DAEMONS = {"SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR"}
START_SECONDS = 120


class Services:
    """The processes of one installation; what is not started is not there."""

    def __init__(self, folder: Path, settings: Mapping[str, str], monitoring: Mapping[str, int]) -> None:
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._home = folder / "dagster"
        self._home.mkdir()
        config = yaml.safe_load(shipped("dagster.yaml").read_text())
        config["run_monitoring"] |= monitoring
        (self._home / "dagster.yaml").write_text(yaml.safe_dump(config))
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self._port, web_port = free_port(), free_port()
        server = {"grpc_server": {"host": "127.0.0.1", "port": self._port, "location_name": LOCATION}}
        (folder / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [server]}))
        python = (sys.executable, "-m")
        self._commands = {
            "code_server": [
                *(*python, "dagster", "api", "grpc", "-m", "ratingo_pipelines.definitions"),
                *("--location-name", LOCATION, "--host", "127.0.0.1", "--port", str(self._port)),
                "--inject-env-vars-from-instance",
            ],
            "daemon": [*python, "dagster._daemon", "run", "-w", "workspace.yaml"],
            "webserver": [
                *(*python, "dagster_webserver", "-w", "workspace.yaml", "--host", "127.0.0.1"),
                *("--port", str(web_port)),
            ],
        }
        self.ui = Ui(f"http://127.0.0.1:{web_port}")
        self.instance = dg.DagsterInstance.from_config(str(self._home))

    def start(self, *names: str) -> None:
        """Start the processes of these names (all by default), and wait until they work."""
        env = environment(DAGSTER_HOME=str(self._home))
        for name in names or ALL:
            log = self.folder / f"{name}.log"
            self._processes[name] = start(self._commands[name], self.folder, env, log)
        for name in names or ALL:
            until(partial(self._works, name), START_SECONDS, f"the {name} works", self.logs)

    def _works(self, name: str) -> bool:
        if name == "code_server":
            return listens(self._port)
        if name == "webserver":
            return self.ui.has_loaded()
        begun = psutil.Process(self._processes[name].pid).create_time()
        beats = self.instance.get_daemon_heartbeats()
        return all(daemon in beats and beats[daemon].timestamp >= begun - 1 for daemon in NEEDED_DAEMONS)

    def kill(self, *names: str) -> None:
        """SIGKILL, for each of these processes; run workers are the code server's children, and live on."""
        for name in names:
            kill(self._processes.pop(name))

    def kill_run_worker(self, run_id: str) -> None:
        """SIGKILL, for the process that executes the run."""
        kill_process(self.worker_of(run_id))

    def worker_of(self, run_id: str) -> int:
        """The process that executes the run. Raises `LookupError` where there is none."""
        for event in self.instance.all_logs(run_id):
            found = re.search(r"process \(pid: (\d+)\)", event.user_message or event.message or "")
            if found and psutil.pid_exists(int(found[1])):
                return int(found[1])
        raise LookupError(f"no worker of run {run_id}")

    def stop(self) -> None:
        """End everything, workers too."""
        for process in self._processes.values():
            kill_family(process)
        self.instance.dispose()

    def logs(self) -> str:
        """The end of what the processes said, for a test that fails."""
        tails = (f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in self.folder.glob("*.log"))
        return "\n".join(tails)
