"""`ratingo` as a real process, to be watched, killed and read."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings

SECONDS = 120
OURS = {name.upper() for name in Settings.model_fields}


def environment(sandbox: RunningSandbox | None, home: Path, **others: str) -> dict[str, str]:
    """The developer's environment without our variables, and those of the sandbox."""
    bare = {name: value for name, value in os.environ.items() if name.upper() not in OURS}
    given = sandbox.environment() if sandbox else {}
    # Trakt's list or none, unless a test wants otherwise.
    own = {"RATINGO_HOME": str(home), "COLUMNS": "120", "TRENDING_SOURCE": "trakt"}
    return {**bare, **given, **own, **others}


def start(*arguments: str, env: Mapping[str, str], cwd: Path) -> "subprocess.Popen[str]":
    """Start `ratingo` in an empty folder."""
    command = [str(Path(sys.executable).with_name("ratingo")), *arguments]
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    return subprocess.Popen(command, env=dict(env), cwd=cwd, stdin=quiet, stdout=pipe, stderr=pipe, text=True)


def ratingo(*arguments: str, env: Mapping[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run `ratingo` to its end."""
    process = start(*arguments, env=env, cwd=cwd)
    out, err = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def report_of(done: "subprocess.CompletedProcess[str]") -> Any:
    """The JSON on standard output."""
    return json.loads(done.stdout)


def kill_when(process: "subprocess.Popen[str]", reached: Callable[[], bool]) -> bool:
    """`kill -9` the process as soon as `reached` says so; False when it ended before."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            process.communicate()
            return False
        if reached():
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return True
        time.sleep(0.002)
    raise TimeoutError("the process neither ended nor came to where it was to be killed")
