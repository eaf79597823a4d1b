"""Keeps to the rate limits, across the threads and processes of one machine.

A bucket is a table of the SQLite file `limits.sqlite`, named for the API, its base URL and a hash of the key, so that
whoever uses the same key shares the same limit. Which limits an API has is the business of its client.
"""

import logging
import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event, Lock, RLock, local
from time import monotonic, time_ns

from filelock import FileLock
from pyrate_limiter import Limiter, Rate, RateItem, SingleBucketFactory, SQLiteBucket

from ratingo_pipelines.settings import RateLimit

FILE_NAME = "limits.sqlite"
LOCK_NAME = "limits.sqlite.lock"
MARGIN = 0.02
"""Windows are taken this much longer, because requests do not all travel equally fast."""
LONGEST_MARGIN_MS = 250
TOLERANCE = 0.6
"""Part of the margin that a single request may use up; the rest is for what even the fastest ones take."""
LEARNING_ANSWERS = 16
"""Answers until the fastest one can be trusted: the first ones come while everything is being set up."""
LONGEST_JOURNEY_MS = 250
"""An answer that takes longer still says more about the server's thinking than about when the request arrived."""
STALE_SECONDS = 0.25
"""A request that is not under way so long after its grant asks for another one."""
TIDY_EVERY = 256
"""Grants between two deletions of what has left every window."""

_log = logging.getLogger(__name__)


class LimiterError(Exception):
    """No request can be let through any more; the message is half a sentence."""


class MachineLock:
    """A lock for the threads of this process and for other processes; reentrant.

    The library's `FileLock` alone polls every 50 ms, between threads as well. Here threads queue at a lock of their
    own, and meet at the file only other processes, which hold it for a fraction of a millisecond.
    """

    def __init__(self, path: Path | None) -> None:
        self._threads = RLock()
        self._file = FileLock(path, thread_local=False, poll_interval=0.001) if path else None
        self._depth = 0

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._file is not None and self._depth == 0:
                self._file.acquire()
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self._depth -= 1
            if self._file is not None and self._depth == 0:
                self._file.release()
        finally:
            self._threads.release()


class Bucket(SQLiteBucket):
    """The library's bucket, with three differences.

    - The time of a grant is read under the lock. The limiter adds what it meant to sleep to the time it began with, so
      that after a wait every grant would be dated earlier than the request really goes out.
    - A grant can be dated later afterwards.
    - What has left the windows is deleted in passing, not by a thread a bucket.
    """

    def __init__(self, rates: list[Rate], connection: sqlite3.Connection, table: str, lock: MachineLock) -> None:
        super().__init__(rates, connection, table, lock)
        self._grants = 0

    def put(self, item: RateItem) -> bool:
        """Grant a request now, if every window has room for it."""
        with self.lock:
            item.timestamp = self.now()
            if self._grants % TIDY_EVERY == 0:
                self._tidy(item.timestamp)
            granted = super().put(item)
            self._grants += granted
            return granted

    def claim(self, item: RateItem) -> int | None:
        """Return None when the request is granted, else the milliseconds until asking again makes sense."""
        with self.lock:
            if self.put(item):
                return None
            wait_ms = self._recorded_wait(item) or 1
            if self.failing_rate and wait_ms > self.failing_rate.interval + 1:
                # It waits for a grant of the future: the clock was set back.
                self._tidy(item.timestamp)
                return 1
            return max(1, wait_ms)

    def now(self) -> int:
        """Return the time of the machine (ms), which its processes share."""
        return time_ns() // 1_000_000

    def postpone(self, granted_ms: int, later_ms: int) -> None:
        """Count a grant of `granted_ms` as given at `later_ms`; those of one millisecond are alike."""
        with self.lock:
            self.conn.execute(
                f"UPDATE '{self.table}' SET item_timestamp = ? WHERE rowid ="  # noqa: S608 - a name of ours
                f" (SELECT rowid FROM '{self.table}' WHERE item_timestamp = ? LIMIT 1)",
                (later_ms, granted_ms),
            ).close()
            self.conn.commit()

    def _tidy(self, now: int) -> None:
        self.conn.execute(
            f"DELETE FROM '{self.table}' WHERE item_timestamp < ? OR item_timestamp > ?",  # noqa: S608
            (self._algorithm.leak_bound(self.rates, now), now),
        ).close()
        self.conn.commit()


class RateLimiter(Limiter):
    """Lets requests through one by one, as the bucket grants them.

    Before each, `pause` says for how many seconds to wait first, or raises. The library's limiter wakes every
    waiting thread for each grant; here they queue, and only the first one asks the bucket. It also sleeps 50 ms longer
    than needed, and cannot be interrupted.
    """

    def __init__(self, bucket: Bucket, pause: Callable[[], float]) -> None:
        super().__init__(SingleBucketFactory(bucket, schedule_leak=False), buffer_ms=0)
        self._bucket = bucket
        self._pause = pause
        self._queue = Lock()
        self._closed = Event()
        self._mine = local()
        self._tolerance_ms = int(TOLERANCE * _margin_ms(min(rate.interval for rate in bucket.rates)))
        self._answers = 0
        self._fastest_ms = LONGEST_JOURNEY_MS
        self.seconds_waited = 0.0

    def try_acquire(self, name: str = "", weight: int = 1, blocking: bool = True, timeout: float = -1) -> bool:
        """Return True when the request may go out; raises `LimiterError` when that will never be."""
        started = monotonic()
        self._mine.sent_at = None
        with self._queue:
            item = RateItem(name, 0, weight)
            while not self._closed.is_set():
                # Asked again after every wait, since a grant from before a pause would be stale after it.
                if seconds := self._pause():
                    self._closed.wait(seconds)
                    continue
                try:
                    wait_ms = self._bucket.claim(item)
                except (sqlite3.Error, OSError) as error:
                    raise LimiterError(f"the file of its rate limits is unusable ({error})") from None
                if wait_ms is None:
                    self._mine.granted_ms, self._mine.granted_at = item.timestamp, monotonic()
                    self.seconds_waited += self._mine.granted_at - started
                    return True
                self._closed.wait(wait_ms / 1000)
        raise LimiterError("the session was closed")

    @property
    def granted_at(self) -> float:
        """When this thread's last request was let through (monotonic)."""
        moment: float = self._mine.granted_at
        return moment

    def sending(self) -> None:
        """Note that the connection stands and this thread's request goes out now, if its grant is still good."""
        while monotonic() - self._mine.granted_at > STALE_SECONDS:
            # A slow handshake, or a busy machine. By now the limit may have been granted to others.
            self.try_acquire()
        self._mine.sent_at = monotonic()

    def answered(self) -> None:
        """Correct the date of this thread's last grant, if its request was slow to arrive.

        The server counts requests as they arrive. Between grant and arrival lie a thread's turn to run, and the
        network; what an answer took longer than the fastest one may all have been spent on the way there.
        """
        sent_at: float | None = self._mine.sent_at
        if sent_at is None:
            return
        took_ms = int((monotonic() - sent_at) * 1000)
        self._fastest_ms = min(took_ms, self._fastest_ms)
        self._answers += 1
        usual_ms = self._fastest_ms if self._answers > LEARNING_ANSWERS else 0
        journey_ms = min(took_ms - usual_ms, LONGEST_JOURNEY_MS)
        late_ms = int((sent_at - self._mine.granted_at) * 1000) + journey_ms - self._tolerance_ms
        if late_ms > 0:
            try:
                self._bucket.postpone(self._mine.granted_ms, self._mine.granted_ms + late_ms)
            except (sqlite3.Error, OSError) as error:
                # Closed meanwhile, or about to fail the next request; this one has its answer.
                _log.debug("A request could not be postponed: %s", error)

    def close(self) -> None:
        """Release the waiting threads, and the file."""
        self._closed.set()
        with self._queue, self._bucket.lock:
            self._bucket.conn.close()


def open_rate_limiter(
    windows: Iterable[RateLimit],
    state_dir: Path | None,
    identity: str,
    pause: Callable[[], float] = lambda: 0,
) -> RateLimiter:
    """Return the limiter of the API with this identity; without a folder it holds for this object alone.

    `pause` is asked before each request for the seconds to wait first, and may raise. Raises `LimiterError` when the
    folder cannot be written.
    """
    table = "bucket_" + re.sub(r"\W", "_", identity)
    try:
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
        lock = MachineLock(state_dir / LOCK_NAME if state_dir else None)
        with lock:
            connection = _open_file(state_dir / FILE_NAME) if state_dir else _connect(":memory:")
            connection.execute(f"CREATE TABLE IF NOT EXISTS '{table}' (name VARCHAR, item_timestamp INTEGER)")
            connection.execute(f"CREATE INDEX IF NOT EXISTS 'idx_{table}' ON '{table}' (item_timestamp)")
            connection.commit()
    except (sqlite3.Error, OSError) as error:
        raise LimiterError(f"its rate limits cannot be kept in {state_dir} ({error})") from None
    return RateLimiter(Bucket(rates_of(windows), connection, table, lock), pause)


def rates_of(windows: Iterable[RateLimit]) -> list[Rate]:
    """Return the windows as the library wants them: widened by a margin, without those that others imply."""
    rates: list[Rate] = []
    for window in sorted(windows, key=lambda window: (window.seconds, window.requests)):
        interval = window.seconds * 1000
        rate = Rate(window.requests, interval + _margin_ms(interval))
        rates = [other for other in rates if other.limit < rate.limit]
        if all(rate.limit / rate.interval < other.limit / other.interval for other in rates):
            rates.append(rate)
    return rates


def _margin_ms(interval_ms: int) -> int:
    return int(min(interval_ms * MARGIN, LONGEST_MARGIN_MS))


def _open_file(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        # Damaged: the grants of the last minutes are lost, which is better than no sync until somebody deletes it.
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        return _connect(path)


def _connect(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level="DEFERRED", check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
