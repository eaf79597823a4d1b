"""`ratingo demo` and `ratingo dev`: the whole thing on one machine, offline if need be.

Dagster is imported when a command runs, and only through `defs`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

import click
from rich.console import Console
from rich.status import Status as RichStatus

from ratingo_pipelines.earlier_days import DAYS, TITLES, epochs_played, play_earlier_days
from ratingo_pipelines.home import is_in_use, prepare_dagster_home, prepare_home
from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.process import start_sandbox
from ratingo_pipelines.settings import OPTIONAL_KEYS, UPSTREAM_KEYS, Settings, load_settings, missing_keys, sqlite_url
from ratingo_pipelines.storage.engine import Database, open_database
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.status import MediumStatus, status_of_media
from ratingo_pipelines.sync.watching import watched
from ratingo_pipelines.terminal.fitting import stdout_console
from ratingo_pipelines.terminal.top import top_table
from ratingo_pipelines.text import counted

TITLES_SHOWN = 15
ALL_KEYS = (*UPSTREAM_KEYS, *OPTIONAL_KEYS)
MADE_BY_DEMO = "made-by-demo"
"""A file in a home whose titles are invented."""
NEXT = """
What to do next:
  make dev                  open Dagster's UI on this very instance; and
                            http://127.0.0.1:3000/watching: all this as a page
  .venv/bin/ratingo status  how far the cycles are
  make demo                 again: one cycle more, the sandbox's world moved on
With real data: copy .env.example to .env, fill in your keys, `make clean`
(these titles are invented), then
  .venv/bin/ratingo sync shows  and  .venv/bin/ratingo sync movies
"""


def run_demo(settings: Settings, *, without_trakt: bool = False) -> bool:
    """Fill the home's own database from the sandbox through Dagster's jobs, and show it; whether all was stored.

    `without_trakt`: today Trakt refuses its key, and TMDB's trending list stands in for its own.
    """
    began = monotonic()
    settings = for_invented_titles(settings)
    console = stdout_console()
    home = prepare_dagster_home(settings)
    database = open_database(settings)
    upgrade(database)
    console.print(f"Home {settings.home}; Dagster's home {home}", highlight=False, soft_wrap=True)
    with start_sandbox() as sandbox:
        os.environ.update(sandbox.environment())
        console.print(f"Sandbox of Trakt, TMDB and OMDb at {sandbox.url}", highlight=False)
        if not epochs_played(database):
            with console.status(f"the {DAYS} days before"):
                play_earlier_days(load_settings(), sandbox)
            console.print(f"The {DAYS} days before today: the first {TITLES} titles of each list", highlight=False)
        sandbox.control("epoch", {"epoch": epochs_played(database)})
        if without_trakt:
            sandbox.faults({"kind": "revoked", "api": "trakt"})
            console.print("Today Trakt refuses its key (403): the lists are TMDB's, without watchers", highlight=False)
        # Loading Dagster takes a second or two, which are better spent after the first lines.
        from ratingo_pipelines.definitions import defs
        from ratingo_pipelines.defs.running import run_job

        for medium in MEDIA:
            with _followed(console, database, f"{medium}_full_sync"):
                succeeded = run_job(defs, f"{medium}_full_sync")
            console.print(_summary(database, medium.plural, succeeded), highlight=False, soft_wrap=True)
    for medium in MEDIA:
        console.print(top_table(medium, watched(database, medium, utc_now(), limit=TITLES_SHOWN), console.width), "")
    console.print(f"Done in {monotonic() - began:.0f} s. Watch providers: JustWatch.", highlight=False)
    console.print(NEXT, highlight=False, markup=False)
    return all(medium.counts.total and medium.counts.done == medium.counts.total for medium in _media(database))


@contextmanager
def ready_to_develop(settings: Settings) -> Iterator[Settings]:
    """The settings of `ratingo dev`, with a database that is up to date.

    Where no key of any API is set it works on the sandbox, so that everything can be tried before there are keys.
    """
    if not works_on_sandbox(settings):
        upgrade(open_database(settings))
        yield settings
        return
    settings = for_invented_titles(settings)
    upgrade(database := open_database(settings))
    click.echo("No key of Trakt, TMDB or OMDb is set: working on the sandbox, whose titles are invented.")
    # Its world goes on where the last demo left it.
    with start_sandbox(epoch=epochs_played(database)) as sandbox:
        os.environ.update(sandbox.environment())
        yield load_settings()


def works_on_sandbox(settings: Settings) -> bool:
    """Whether `dev` takes the sandbox: with any key, somebody means the real APIs."""
    return len(missing_keys(settings, ALL_KEYS)) == len(ALL_KEYS)


def for_invented_titles(settings: Settings) -> Settings:
    """The settings of a demo: the SQLite file of its home, never the database that `DATABASE_URL` names.

    Nor Dagster's instance that `DAGSTER_HOME` names: it uses the home's own. A home that holds anything of another
    origin keeps it: the demo then takes a home of its own inside.
    """
    home = prepare_home(settings)
    if is_in_use(home) and not (home / MADE_BY_DEMO).exists():
        home = home / "demo"
    home.mkdir(parents=True, exist_ok=True)
    (home / MADE_BY_DEMO).touch()
    # By way of the environment, as Dagster's runs read their settings from there; .env may say otherwise.
    os.environ |= {
        "RATINGO_HOME": str(home),
        "DATABASE_URL": sqlite_url(home / "ratingo.db"),
        "DAGSTER_HOME": str(home / "dagster"),
    }
    return load_settings()


@contextmanager
def _followed(console: Console, database: Database, label: str) -> Iterator[None]:
    """Say every so often how far the latest cycles are, while the block runs."""
    over = Event()
    with console.status(label) as line:
        follower = Thread(target=_follow, args=(line, database, label, over), daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()


def _media(database: Database) -> tuple[MediumStatus, ...]:
    return status_of_media(database, utc_now())


def _follow(line: RichStatus, database: Database, label: str, over: Event) -> None:
    while not over.wait(0.5):
        counts = {medium.medium: medium.counts for medium in _media(database)}
        said = ", ".join(f"{name} {count.done}/{count.total}" for name, count in counts.items() if count.total)
        line.update(f"{label}: {said}")


def _summary(database: Database, medium: str, succeeded: bool) -> str:
    state = next(each for each in _media(database) if each.medium == medium)
    counts = state.counts
    said = f"{medium}: {counts.done} of {counted(counts.total, 'title')} stored, {counts.skipped} skipped"
    if succeeded:
        return said
    stages = Counter(failure.stage for failure in state.failures)
    failed = ", ".join(f"{counted(number, 'title')} at {stage}" for stage, number in sorted(stages.items()))
    return f"{said}; failed and tried again later: {failed or 'the run itself'} (`ratingo status`)"
