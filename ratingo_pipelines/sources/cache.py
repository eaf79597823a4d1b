"""What is kept of the answers, and for how long.

The store is requests-cache's, one SQLite file for all APIs. Keys never reach it (`transport.py` adds them below it);
what may be kept is said by the caller of each request.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

FILE_NAME = "http-cache.sqlite"
KEPT_AFTER_EXPIRY_SECONDS = 7 * 24 * 3600
"""An expired answer with an ETag still saves its body."""
MAX_FILE_BYTES = 128 * 1024 * 1024

_log = logging.getLogger(__name__)


def cache_options(state_dir: Path | None) -> dict[str, Any]:
    """Return what requests-cache's mixin wants to know; without a folder, or without a usable file, a store in memory."""
    path = state_dir / FILE_NAME if state_dir else None
    if path is not None and _prepared(path):
        return {"backend": "sqlite", "cache_name": path, "wal": True, "busy_timeout": 5000}
    return {"backend": "memory"}


def _prepared(path: Path) -> bool:
    """Bring the file into shape: old rows away, a damaged file replaced. False when it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _prune(path)
    except sqlite3.DatabaseError as error:
        _log.warning("The HTTP cache %s is unusable (%s) and starts anew", path, error)
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
    return True


def _prune(path: Path) -> None:
    if not path.exists():
        return
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
        known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'responses'").fetchone()
        if not known[0]:
            return
        connection.execute("DELETE FROM responses WHERE expires < ?", (time() - KEPT_AFTER_EXPIRY_SECONDS,))
        if path.stat().st_size > MAX_FILE_BYTES:
            connection.execute("DELETE FROM responses")
            connection.execute("VACUUM")
