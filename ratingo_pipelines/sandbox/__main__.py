"""`python -m ratingo_pipelines.sandbox`: serve until stopped, and say what to put into the environment."""

import argparse
import os
from datetime import date

from ratingo_pipelines.sandbox.catalogue import LARGEST, SIZE
from ratingo_pipelines.sandbox.server import serve


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="ratingo_pipelines.sandbox", description="Trakt, TMDB and OMDb, offline.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--epoch", type=int, default=0, help="the sandbox's time; each one moves everything")
    parser.add_argument("--size", type=int, default=SIZE, help=f"titles a medium, {SIZE} to {LARGEST}")
    parser.add_argument("--today", type=date.fromisoformat, help="a day instead of the real one (UTC)")
    parser.add_argument("--with-parent", action="store_true", help="end when the starting process does")
    given = parser.parse_args()
    parent = os.getppid() if given.with_parent else None
    serve(given.port, epoch=given.epoch, size=given.size, today=given.today, parent=parent)


if __name__ == "__main__":
    main()
