"""What is kept of the answers, and for how long.

The store is requests-cache's, one SQLite file for all APIs. Keys never reach it (`transport.py` adds them below it);
what may be kept is said by the caller of each request.
"""

import logging
import sqlite3
import zlib
from contextlib import closing
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from requests_cache import SerializerPipeline, Stage, pickle_serializer

FILE_NAME = "http-cache.sqlite"
KEPT_AFTER_EXPIRY_SECONDS = 7 * 24 * 3600
"""An expired answer with an ETag still saves its body."""
MAX_FILE_BYTES = 128 * 1024 * 1024

_COMPRESSED = SerializerPipeline(
    [*pickle_serializer.stages, Stage(dumps=partial(zlib.compress, level=1), loads=zlib.decompress)],
    name="compressed",
    is_binary=True,
)

_log = logging.getLogger(__name__)


def cache_options(state_dir: Path | None) -> dict[str, Any]:
    """Return the options of requests-cache's mixin; without a folder, or a usable file in it, for a store in memory."""
    if state_dir is None:
        return {"backend": "memory"}
    path = state_dir / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _prepare(path)
    except sqlite3.OperationalError as error:
        _log.warning("The HTTP cache %s cannot be used: %s", path, error)
        return {"backend": "memory"}
    except sqlite3.DatabaseError as error:
        _log.warning("The HTTP cache %s is damaged and starts anew: %s", path, error)
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
    return {
        "backend": "sqlite",
        "cache_name": path,
        "wal": True,
        "busy_timeout": 5000,
        "serializer": _COMPRESSED,
    }


def _prepare(path: Path) -> None:
    """Remove what nobody will use any more. requests-cache would wait for ever for a file that cannot be written."""
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'responses'").fetchone():
            too_large = path.stat().st_size > MAX_FILE_BYTES
            bound = time() - (0 if too_large else KEPT_AFTER_EXPIRY_SECONDS)
            connection.execute("DELETE FROM responses WHERE expires < ?", (bound,))
            connection.execute("COMMIT")
            if too_large:
                connection.execute("VACUUM")
        else:
            connection.execute("COMMIT")
