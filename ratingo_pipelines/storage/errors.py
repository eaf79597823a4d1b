"""What can go wrong with the database that is not a title's own fault, as one clear line each.

Translates the drivers' errors; nothing here opens a connection.
"""

import re

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, DontWrapMixin, InternalError, OperationalError


class StorageError(Exception):
    """The database cannot be used: one line that says what happened and what to do, without the password.

    A state of the database, never a title's fault: a batch that meets it stops, and its titles stay pending.
    """


class StorageBusy(StorageError):
    """Others were in the way: the same transaction, begun again, may well succeed (`engine.retried_transaction`)."""


class NoConnectionLeft(StorageError):
    """All of the server's connections are in use: one becomes free when others end theirs."""


class UnstorableValue(DontWrapMixin, ValueError):
    """A value no back end may take; it fails its own title before any statement is sent."""


# The beginnings of https://www.sqlite.org/rescode.html; the extended ones begin alike.
_SQLITE = {
    "SQLITE_CANTOPEN": "cannot be opened: it must be a file that this user may write, or correct DATABASE_URL",
    "SQLITE_READONLY": "is read-only: make the file and its folder writable for this user",
    "SQLITE_PERM": "may not be used by this user: make the file and its folder writable",
    "SQLITE_FULL": "cannot grow, the disk is full: free some space and run again; nothing was half-written",
    "SQLITE_BUSY": "is locked: another process has been writing for too long; let it end and run again",
    "SQLITE_NOTADB": "is not an SQLite database: correct DATABASE_URL",
    "SQLITE_CORRUPT": "is damaged: restore it from a backup",
    "SQLITE_IOERR": "cannot be read or written: the disk reports an error",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {
    "22P05": "cannot hold all letters in its encoding: move it to a database created with ENCODING 'UTF8'",
    "25006": "is read-only (a standby?): point DATABASE_URL at the primary",
    "40001": "could not do this beside other transactions: run again",
    "40P01": "stopped a transaction that was in a deadlock: run again",
    "42501": "does not let this user do that: grant the rights, or correct DATABASE_URL",
    "53100": "has no space left on its disk: free some and run again; nothing was half-written",
    "53200": "is out of memory: run again later, or give it more",
    "53300": "has no connection left: lower CONCURRENCY or raise its max_connections",
    "55P03": "kept a lock for longer than its lock_timeout: run again, or raise it",
    "57014": "stopped a statement for its time limit: run again, or raise statement_timeout",
    "57P01": "was shut down: run again when it is back",
}
_POSTGRES_BUSY = {"40001", "40P01", "55P03"}
_POSTGRES_CLASSES = {
    "40": "took a transaction back ({reason}): run again",
    "53": "is short of resources ({reason}): run again later, or give it more",
    "55": "cannot do this now ({reason}): run again",
    "57": "was interrupted ({reason}): run again",
    "58": "reports an error of its system ({reason}): look at its log",
    "XX": "reports an error of its own ({reason}): look at its log",
}
_OUTDATED = "does not have the tables of this version: run `ratingo db upgrade`"
_UNREACHABLE = "cannot be reached ({reason}): start it, or correct DATABASE_URL"
_OF_ITS_OWN = "cannot do this ({reason}): run again, and look at its state if that does not help"
_FULL = _POSTGRES["53300"]
# libpq gives no code for a connection that failed, only its text (psycopg2's `Error.pgcode` is None then:
# https://www.psycopg.org/docs/module.html#psycopg2.Error.pgcode).
_CONNECT = (
    (r"password authentication failed|no password supplied", "refuses the password of user {user}"),
    (r'role "[^"]*" does not exist', "knows no user {user}"),
    (r"no pg_hba\.conf entry", "does not let user {user} in from here (pg_hba.conf)"),
    (r'database "[^"]*" does not exist', "has no database {database}: create it (createdb {database})"),
    # The server's, a database's and a role's limit (src/backend/utils/init/postinit.c), and PgBouncer's.
    (r"too many (clients|connections)|remaining connection slots|no more connections allowed", _FULL),
    (
        r"invalid connection option|invalid URI query parameter|invalid dsn",
        "cannot take an option of DATABASE_URL",
    ),
)


def location_of(url: URL) -> str:
    """How messages call the database: never with its password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite database {url.database}"
    host = url.host or url.query.get("host") or "local socket"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL {url.database or ''} at {host}{port}".replace("  ", " ")


def translated(error: DBAPIError, url: URL, connecting: bool = False) -> StorageError | None:
    """The error in one line, or None where the statement is at fault and not the database's state."""
    said = _sqlite(error) if url.get_backend_name() == "sqlite" else _postgres(error, url, connecting)
    if said is None:
        if not isinstance(error, OperationalError | InternalError):
            return None
        said = _OF_ITS_OWN.format(reason=_reason(str(error.orig)))
    return _kind_of(error, said)(scrubbed(f"{location_of(url)} {said}", url))


def _kind_of(error: DBAPIError, said: str) -> type[StorageError]:
    if said.startswith(_FULL):
        return NoConnectionLeft
    return StorageBusy if getattr(error.orig, "pgcode", None) in _POSTGRES_BUSY else StorageError


def scrubbed(text: str, url: URL) -> str:
    """The text in one line, without the URL's password in it."""
    line = " ".join(text.split())
    return line.replace(str(url.password), "***") if url.password else line


def _sqlite(error: DBAPIError) -> str | None:
    name: str = getattr(error.orig, "sqlite_errorname", "")
    said = next((text for prefix, text in _SQLITE.items() if name.startswith(prefix)), None)
    if said is None and re.search(r"no such (table|column)", str(error.orig)):
        return _OUTDATED
    return said


def _postgres(error: DBAPIError, url: URL, connecting: bool) -> str | None:
    code = getattr(error.orig, "pgcode", None)
    if code in _POSTGRES:
        return _POSTGRES[code]
    if code in {"42P01", "42703"}:
        return _OUTDATED
    text = str(error.orig)
    if connecting:
        for pattern, said in _CONNECT:
            if re.search(pattern, text):
                return said.format(user=url.username, database=url.database) + _advice(said)
    if connecting or error.connection_invalidated or (code or "")[:2] == "08":
        return _UNREACHABLE.format(reason=_reason(text))
    said_of_class = _POSTGRES_CLASSES.get((code or "")[:2])
    return said_of_class and said_of_class.format(reason=_reason(text))


def _advice(said: str) -> str:
    return "" if "create it" in said or "CONCURRENCY" in said else ": correct DATABASE_URL"


def _reason(text: str) -> str:
    """libpq's last word: the first line names host and port again, the reason follows the last colon."""
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    return line.rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip()
