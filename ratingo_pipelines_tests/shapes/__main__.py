"""Distils the recorded answers beside the checkout into the shape files: `python -m ratingo_pipelines_tests.shapes`."""

import sys

from ratingo_pipelines_tests.shapes.recorded import RECORDINGS, write

if __name__ == "__main__":
    if not RECORDINGS.is_dir():
        sys.exit(f"There are no recorded answers in {RECORDINGS}; the shape files stay as they are.")
    for path in write():
        sys.stdout.write(f"wrote {path}\n")
