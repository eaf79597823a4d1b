"""The folder an installation keeps everything in, this user's alone, and Dagster's home inside it."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from ratingo_pipelines.privacy import close_to_others, is_open_to_others, keep_private
from ratingo_pipelines.settings import Settings, SettingsError

_PACKAGE = Path(__file__).parent
HISTORY = {
    "history/runs.db": "Dagster's list of runs and partitions",
    "history/runs/index.db": "Dagster's record of what was materialized",
    "schedules/schedules.db": "what Dagster's schedules and sensors last did",
}
"""The files of Dagster's embedded instance (`dagster._core.storage.sqlite_storage`), and what is lost without each."""
BUSY_SECONDS = 5
KNOWN_DATABASES = "known-databases"
"""A file in the home: the SQLite files that this installation has worked with, a line each."""


def shipped(name: str) -> Path:
    """One of Dagster's files that come with the project: inside an installed package, beside it in a checkout."""
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parent / name


def prepare_home(settings: Settings) -> Path:
    """Make the home, this user's alone; raise `SettingsError` where this user may not write in it, or others do."""
    keep_private()
    home = settings.home
    if home in {Path(home.anchor), Path.home()} or _is_everybodys(home):
        raise SettingsError(f"RATINGO_HOME: {home} is not for Ratingo alone; name a folder of its own")
    _writable(home, "RATINGO_HOME")
    if is_open_to_others(home):
        close_to_others(home)
    return home


def _is_everybodys(folder: Path) -> bool:
    """Whether it is a folder such as /tmp, where all users keep files."""
    return folder.is_dir() and bool(folder.stat().st_mode & stat.S_ISVTX)


def prepare_home_of_sync(settings: Settings) -> None:
    """Make the home; raise `SettingsError` where nothing can be written in it and the database is to be there.

    With a database elsewhere nothing in the home is indispensable: the sources do without limits shared between
    processes and without a cache, and say so.
    """
    try:
        prepare_home(settings)
    except SettingsError:
        if settings.database_url is None:
            raise


def _writable(folder: Path, variable: str) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{variable}: nothing can be written in {folder} ({reason}); name another folder") from None


def remember_database(home: Path, file: Path) -> None:
    """Note that there is an SQLite file of this installation, so that its loss is noticed."""
    if had_database(home, file):
        return
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (home / KNOWN_DATABASES).open("a", encoding="utf-8", errors="surrogateescape") as known:
            known.write(f"{file}\n")
    except OSError:
        # A home that is full or read-only stops nobody whose database can be used.
        return


def had_database(home: Path, file: Path) -> bool:
    """Whether there was such an SQLite file once."""
    try:
        known = (home / KNOWN_DATABASES).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return str(file) in known.split("\n")


def is_in_use(home: Path) -> bool:
    """Whether a home holds anything of an installation: its database, the memory of one, or Dagster's history."""
    return any((home / name).exists() for name in ("ratingo.db", KNOWN_DATABASES, "dagster"))


def replace_file(path: Path, text: str) -> None:
    """Write a file beside its place and rename it: who reads it meanwhile, or after a power cut, finds it whole."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home and name it in the environment, for this process and those it starts.

    The home of this installation always gets the project's dagster.yaml; one that `DAGSTER_HOME` names keeps its own.
    Raises `SettingsError` where this user may not write in it.
    """
    prepare_home_of_sync(settings)
    close_to_others(settings.home)
    own = settings.dagster == settings.home / "dagster"
    home = _writable(settings.dagster, "RATINGO_HOME" if own else "DAGSTER_HOME")
    target = home / "dagster.yaml"
    if own or not target.exists():
        replace_file(target, shipped("dagster.yaml").read_text(encoding="utf-8"))
    check_history(home)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def check_history(home: Path) -> None:
    """Raise `SettingsError` where a file of Dagster's embedded history is seen at once to be damaged."""
    if damage := damage_of_history(home):
        raise SettingsError(damage)


def damage_of_history(home: Path, *, thorough: bool = False) -> str | None:
    """Which file of Dagster's embedded history cannot be read, and what to do; those of single runs aside.

    SQLite notices damage where it reads. What tells it at once is the first page and the list of the tables, and one
    row of each: the rest may be gigabytes, which only a `thorough` look reads.
    """
    for name, holds in HISTORY.items():
        path = home / name
        if path.exists() and (damage := _damage(path, thorough)):
            return _damaged(path, holds, damage)
    return None


def _damage(path: Path, thorough: bool) -> str | None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as file:
            for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                file.execute(f'SELECT * FROM "{table}" ORDER BY rowid DESC LIMIT 1').fetchall()  # noqa: S608
            [[found]] = file.execute("PRAGMA quick_check(1)") if thorough else [["ok"]]
            return None if found == "ok" else " ".join(str(found).split())
    except sqlite3.DatabaseError as error:
        return None if "locked" in str(error) else str(error)


def _damaged(path: Path, holds: str, damage: str) -> str:
    return (
        f"{path} cannot be read ({damage}): it holds {holds}. The site's database is another one and keeps everything. "
        f"Stop all of Ratingo, move the file away and start again: Dagster begins a new one"
    )
