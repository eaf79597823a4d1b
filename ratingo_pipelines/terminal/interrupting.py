"""Ctrl-C and SIGTERM at a command that works: it ends in order, in one line that says what is kept.

Servers and the demo have ends of their own (`gateway.processes.shutdown`).
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

INTERRUPTED = 130
"""The exit code of what SIGINT ended (128 + 2), as shells have it."""


@contextmanager
def interruptible(how_to_go_on: str) -> Iterator[None]:
    """End the block at a signal, when what is under way is over and claims are given up; at a second one at once.

    A kill loses nothing either; but what was claimed is free only when the claim runs out.
    """
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _first) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"ratingo: interrupted; what was stored is kept. {how_to_go_on}", err=True)
        sys.exit(INTERRUPTED)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first(number: int, _: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _second)
    raise KeyboardInterrupt


def _second(number: int, _: FrameType | None) -> None:
    os._exit(INTERRUPTED)
