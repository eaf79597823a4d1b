"""A sandbox as a process of its own, for demo, tests and benchmarks. It never outlives the process that started it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from ratingo_pipelines.sandbox.apis import APIS, environment

CONTROL_SECONDS = 300
"""The truth of ten thousand titles takes a while."""


class SandboxError(RuntimeError):
    """The sandbox did not start, or refused a control call."""


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url`, until `stop()` or the end of a `with`."""

    url: str
    process: "subprocess.Popen[str]"

    def url_of(self, api: str) -> str:
        """The base URL of one of `APIS`."""
        return self.url + APIS[api].path

    def key_of(self, api: str) -> str:
        """The key, or token, that one of `APIS` accepts."""
        return APIS[api].key

    def environment(self) -> dict[str, str]:
        """The variables that point this project at it."""
        return environment(self.url)

    def control(self, path: str, payload: Any = None, method: str | None = None) -> Any:
        """Make a control call: `control("epoch", {"advance": 1})`; without payload it is a GET.

        Raises `SandboxError` where it is refused.
        """
        body = None if payload is None else json.dumps(payload).encode()
        request = Request(  # noqa: S310 -- always http, on this machine
            f"{self.url}/control/{path}".rstrip("/"), body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urlopen(request, timeout=CONTROL_SECONDS) as response:  # noqa: S310 -- as above
                return json.load(response)
        except OSError as error:
            detail = error.read().decode() if hasattr(error, "read") else ""
            raise SandboxError(f"the sandbox refused {path}: {detail or error}") from error

    def reset(self) -> None:
        """No faults, no counts, the first epoch."""
        self.control("reset", {})

    def faults(self, *faults: dict[str, Any], seed: int = 0) -> None:
        """Set faults in place of the present ones; none removes them all."""
        self.control("faults", {"faults": list(faults), "seed": seed})

    def truth(self, medium: object, limit: int | None = None) -> list[dict[str, Any]]:
        """The expected facts of the trending list; `medium` is a Medium or its plural."""
        found: list[dict[str, Any]] = self.control(f"truth/{medium}" + (f"?limit={limit}" if limit else ""))
        return found

    def counters(self) -> dict[str, Any]:
        """What was asked since the last reset, by API."""
        found: dict[str, Any] = self.control("counters")
        return found

    def stop(self) -> None:
        """End it at once; it has nothing to save."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_sandbox(
    port: int = 0, *, epoch: int = 0, size: int | None = None, today: date | None = None
) -> RunningSandbox:
    """Start a sandbox and wait until it answers. It ends with this process at the latest.

    Raises `SandboxError` where it does not start.
    """
    command = [sys.executable, "-m", "ratingo_pipelines.sandbox", "--with-parent", f"--port={port}", f"--epoch={epoch}"]
    command += [f"--size={size}"] * (size is not None) + [f"--today={today}"] * (today is not None)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- ours
    assert process.stdout is not None  # noqa: S101 -- it is a pipe
    for line in process.stdout:
        if line.startswith("TRAKT_BASE_URL="):
            url = line.partition("=")[2].strip().removesuffix(APIS["trakt"].path)
            return RunningSandbox(url, process)
    process.communicate()
    raise SandboxError(f"the sandbox ended with code {process.returncode} before it was ready; see above")
