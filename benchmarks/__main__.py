"""Runs topics, each in a process of its own, and writes what they found into results.md.

A topic that is not run keeps the section it has there.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from benchmarks.figures import Figure, table

TOPICS = {
    "requests": "Requests of a cycle",
    "sync": "`ratingo sync shows --limit 100`",
    "through_dagster": "The same through Dagster",
    "backfill": "Keeping up: meta backfill",
    "memory": "Memory",
    "growth": "Growth",
    "store": "Storing a title",
    "reader_queries": "The reader's queries",
    "snapshots": "Ten million snapshots",
    "omdb": "OMDb backfill",
    "imdb": "IMDb's dataset",
    "waiting": "Waiting for a source",
    "fresh": "Fresh by change: a simulated month",
    "scale": "Scale: who waits for OMDb",
    "gateway": "The gateway",
    "pages": "The pages",
    "start": "Start",
}
RESULTS = Path(__file__).with_name("results.md")


def main(arguments: Sequence[str]) -> None:
    """Run the topics named, or all of them; `--alone TOPIC` runs one in this process and prints JSON."""
    if arguments[:1] == ["--alone"]:
        module = import_module(f"benchmarks.{arguments[1]}")
        for figure in module.run():
            print(json.dumps(asdict(figure)), flush=True)
        return
    unknown = [name for name in arguments if name not in TOPICS]
    if unknown:
        raise SystemExit(f"no topic {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    missed = []
    for name in arguments or TOPICS:
        print(f"\n{name}", flush=True)
        figures, section, ended_well = _measured(name)
        _write(name, section)
        missed += [] if ended_well else [f"{name}: ended with an error"]
        missed += [f"{name}: {figure.what}" for figure in figures if figure.kept is False]
    print(f"\n{RESULTS}: {'all limits kept' if not missed else 'limits not kept:'}")
    print("\n".join(missed))
    sys.exit(bool(missed))


def _measured(name: str) -> tuple[list[Figure], str, bool]:
    """What a topic found, its section, and whether it came to its end."""
    began, load = monotonic(), os.getloadavg()[0]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks", "--alone", name], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    figures = []
    for line in process.stdout:
        figures.append(Figure(**json.loads(line)))
        print(figures[-1].row(), flush=True)
    problem = f"\n\n**Ended with an error** ({process.returncode})." if process.wait() else ""
    text = _docstring(name)
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {monotonic() - began:.0f} s, load {load:.1f} at the start"
    return figures, f"## {TOPICS[name]}\n\n{text}\n\n{table(figures)}{problem}\n\n{when}.\n", not problem


def _docstring(name: str) -> str:
    source = Path(__file__).with_name(f"{name}.py").read_text()
    found = re.match(r'"""(.*?)"""', source, re.DOTALL)
    return found[1].strip() if found else ""


def _write(name: str, section: str) -> None:
    """Put the section in its place, and the head anew."""
    known = RESULTS.read_text() if RESULTS.exists() else ""
    sections = {part.partition("\n")[0]: f"## {part}" for part in known.split("\n## ")[1:]}
    sections[TOPICS[name]] = section
    ordered = [sections[title].strip() for title in TOPICS.values() if title in sections]
    RESULTS.write_text("\n\n".join([_head(), *ordered]) + "\n")


def _head() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    libraries = ", ".join(f"{name} {version(name)}" for name in ("dagster", "sqlalchemy", "requests", "pydantic"))
    return (
        "# Benchmarks\n\n"
        "Written by `python -m benchmarks [topic ...]` (`make bench`: all of them), against the sandbox, a process of"
        " its own on\nthe same cores. Times are medians of 5 unless said otherwise; what is compared runs in turn."
        " The floor is what\nthe APIs' limits and latency leave at best. What the profiler found is in"
        " [docs/performance.md](../docs/performance.md).\n\n"
        f"{os.cpu_count()} cores of {cpu[1] if cpu else platform.processor()}, Python {platform.python_version()},"
        f" {libraries}."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
