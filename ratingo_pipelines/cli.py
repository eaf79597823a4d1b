"""`ratingo`: thin commands over the use cases.

Exit codes: 0 all went well, 1 some titles failed (they are listed) or an upstream did not answer, 2 the environment
or the usage is wrong, 130 interrupted. Imports are inside the commands, so that `ratingo --help` stays quick.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from ratingo_pipelines.machine import MEMORY_OF_A_COMMAND, lacking_for_dagster, lacking_memory, shortage
from ratingo_pipelines.privacy import keep_private
from ratingo_pipelines.text import visible, visible_lines

if TYPE_CHECKING:
    from ratingo_pipelines.media import Medium
    from ratingo_pipelines.settings import Settings
    from ratingo_pipelines.storage.engine import Database
    from ratingo_pipelines.sync.backfill import Backfill
    from ratingo_pipelines.sync.context import SyncContext
    from ratingo_pipelines.sync.report import BatchReport

MEDIUM = click.Choice(["shows", "movies"])
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
SORTS = {"score": "SCORE", "watchers": "WATCHERS", "change": "DELTA", "three-months": "DELTA_3M"}
"""What titles are sorted by, as people say it, and `storage.listing.Sort`'s name, which is not imported for --help."""
SOME_FAILED, WRONG_ENVIRONMENT = 1, 2
IMDB = "imdb"
"""What the backfill of IMDb's dataset is called, which knows no media."""


def main() -> None:
    """Run the command line; errors the user can meet are one message, without a traceback."""
    keep_private()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows another one, and the command goes on.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        _run()
    except Exception as error:
        # Here, as what tells errors apart may be what could not be imported.
        said = shortage(error)
        if said is None:
            raise
        click.echo(f"ratingo: {said}", err=True)
        sys.exit(WRONG_ENVIRONMENT)


def _run() -> None:
    try:
        cli.main(prog_name="ratingo")
    except Exception as error:
        code = None if shortage(error) else _code_of(error)
        if code is None:
            raise
        click.echo(visible_lines(f"ratingo: {error}"), err=True)
        sys.exit(code)


def _code_of(error: Exception) -> int | None:
    """The exit code of an error the user can meet; None for a defect of ours."""
    from ratingo_pipelines.sandbox.process import SandboxError
    from ratingo_pipelines.settings import SettingsError
    from ratingo_pipelines.sources.errors import AccessDenied, SourceError
    from ratingo_pipelines.storage.errors import StorageError

    if isinstance(error, SettingsError | AccessDenied | StorageError | SandboxError):
        return WRONG_ENVIRONMENT
    return SOME_FAILED if isinstance(error, SourceError) else None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ratingo-pipelines")
def cli() -> None:
    """Fills the Ratingo database with what the world is watching now.

    Settings come from the environment and from .env; see .env.example.
    """
    if lacking := lacking_memory(MEMORY_OF_A_COMMAND):
        click.echo(f"ratingo: {lacking}", err=True)
        sys.exit(WRONG_ENVIRONMENT)


@cli.command()
@click.argument("medium", type=MEDIUM)
@click.option("--limit", type=click.IntRange(1, 1000), help="Length of the trending list; TRENDING_LIMIT if unset.")
@click.option("--resume", is_flag=True, help="Work off the latest cycle's pending titles; open no new cycle.")
@click.option("--id", "tmdb_id", type=click.IntRange(1, 2**31 - 1), help="This title (TMDB id) alone, listed or not.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and written; ask for the list alone.")
@AS_JSON
def sync(medium: str, limit: int | None, resume: bool, tmdb_id: int | None, dry_run: bool, as_json: bool) -> None:
    """Fetch the trending list of MEDIUM, then details, ratings and sparklines of all its titles.

    A list that is not whole opens no cycle: an unfinished one goes on, and the exit code is 1.
    """
    from ratingo_pipelines.media import BY_NAME
    from ratingo_pipelines.sync.omdb_turns import due_at_omdb
    from ratingo_pipelines.sync.titles import sync_pending
    from ratingo_pipelines.sync.trending import is_unfinished, open_trending_cycle
    from ratingo_pipelines.sync.whole_lists import NoCycle
    from ratingo_pipelines.terminal.progress import followed
    from ratingo_pipelines.terminal.reports import batch_lines, trending_lines
    from ratingo_pipelines.text import counted

    chosen, run_id = BY_NAME[medium], _run_id()
    overrides = {"trending_limit": limit} if limit else {}
    if tmdb_id is not None:
        if limit or resume or dry_run:
            raise click.UsageError("--id goes with no other option than --json: it asks for one title")
        _sync_title(chosen, tmdb_id, as_json)
        return
    if dry_run:
        _preview(chosen, overrides, resume, as_json)
        return
    with _sync_context(f"Go on with `ratingo sync {medium} --resume`.", **overrides) as ctx:
        trending = refused = None
        if not resume:
            try:
                trending = open_trending_cycle(ctx, chosen, run_id)
            except NoCycle as error:
                if not is_unfinished(ctx, chosen):
                    raise
                refused = str(error)
                click.echo(visible_lines(f"ratingo: {refused}"), err=True)
        with followed(f"{medium}: details, ratings, sparklines") as follower:
            report = sync_pending(ctx, chosen, run_id, follower=follower)
        lacking = due_at_omdb(ctx, chosen)
    if as_json:
        said = {"no_cycle": refused} if refused else {}
        _print_json({"trending": trending and trending.as_dict(), "titles": report.as_dict(), **said})
    else:
        _print_lines(*([trending_lines(trending)] if trending else []), batch_lines(report))
        if lacking:
            named = counted(lacking, chosen.singular, chosen.plural)
            click.echo(f"{named} may have more ratings at OMDb: `ratingo backfill omdb {medium}`")
    _exit(report)
    if refused:
        sys.exit(SOME_FAILED)


def _sync_title(medium: "Medium", tmdb_id: int, as_json: bool) -> None:
    from ratingo_pipelines.sync.on_demand import row_id, sync_title
    from ratingo_pipelines.terminal.reports import batch_lines

    with _sync_context() as ctx:
        reports = sync_title(ctx, medium, _run_id(), tmdb_id)
        stored_as = row_id(ctx, medium, tmdb_id)
    if as_json:
        _print_json({"id": stored_as, "tmdb_id": tmdb_id, "stages": [report.as_dict() for report in reports]})
    else:
        _print_lines(*(batch_lines(report) for report in reports))
        named = f"the {medium.singular} {tmdb_id}"
        click.echo(f"{named} is stored: {stored_as} on the site" if stored_as else f"{named} is not stored")
    _exit(*reports)
    if stored_as is None:
        sys.exit(SOME_FAILED)


def _preview(medium: "Medium", overrides: dict[str, Any], resume: bool, as_json: bool) -> None:
    from ratingo_pipelines.sync.preview import preview_cycle, preview_pending
    from ratingo_pipelines.terminal.reports import preview_lines

    with _sync_context(**overrides) as ctx:
        preview = (preview_pending if resume else preview_cycle)(ctx, medium)
    if as_json:
        _print_json(preview.as_dict())
    else:
        _print_lines(preview_lines(preview))


class _Backfill(click.ParamType):
    """One of the core's backfills, which is not imported before one is named."""

    name = "source"

    def convert(
        self, value: "str | Backfill", param: click.Parameter | None, ctx: click.Context | None
    ) -> "str | Backfill":
        from ratingo_pipelines.sync.backfill import BACKFILLS

        named = {each.name: each for each in BACKFILLS}
        if not isinstance(value, str) or value == IMDB:
            return value
        if value not in named:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, [*named, IMDB]))}.", param, ctx)
        return named[value]


@cli.command()
@click.argument("source", type=_Backfill())
@click.argument("medium", type=MEDIUM, required=False)
@click.option("--limit", type=click.IntRange(1), help="At most so many titles a medium; all that are due if unset.")
@AS_JSON
def backfill(source: "str | Backfill", medium: str | None, limit: int | None, as_json: bool) -> None:
    """Complete titles that lack SOURCE's facts: omdb (IMDb and Metacritic ratings), meta (TMDB's details),
    changes (asks again about titles that TMDB has changed, or that left the list days ago), or imdb.

    The last brings IMDb's ratings of all titles to those of its daily dataset, where IMDB_DATASET is on.
    """
    from ratingo_pipelines.media import BY_NAME, MEDIA
    from ratingo_pipelines.terminal.progress import followed
    from ratingo_pipelines.terminal.reports import batch_lines

    reports = []
    if isinstance(source, str):
        if medium or limit:
            raise click.UsageError("imdb is about all titles: it takes no medium and no --limit")
        _backfill_imdb(as_json)
        return
    with _sync_context() as ctx:
        for chosen in [BY_NAME[medium]] if medium else MEDIA:
            with followed(f"{chosen}: {source.name}") as follower:
                report = source.ask_about_due(ctx, chosen, _run_id(), limit=limit, follower=follower)
            reports.append(report)
    if as_json:
        _print_json([report.as_dict() for report in reports])
    else:
        _print_lines(*(batch_lines(report) for report in reports))
    _exit(*reports)


def _backfill_imdb(as_json: bool) -> None:
    from ratingo_pipelines.sync.imdb import backfill_imdb
    from ratingo_pipelines.terminal.reports import batch_lines

    with _sync_context() as ctx:
        reports = backfill_imdb(ctx)
    if as_json:
        _print_json([report.as_dict() for report in reports])
    else:
        _print_lines(*(batch_lines(report) for report in reports))
    _exit(*reports)


@cli.group()
def calendar() -> None:
    """The calendar of coming episodes."""


@calendar.command("sync")
@AS_JSON
def calendar_sync(as_json: bool) -> None:
    """Write the coming episodes of the shows that the site lists."""
    from ratingo_pipelines.sync.airings import sync_calendar
    from ratingo_pipelines.terminal.reports import calendar_lines

    with _sync_context() as ctx:
        report = sync_calendar(ctx)
    _print_json(report.as_dict()) if as_json else _print_lines(calendar_lines(report))
    if not report.ok:
        sys.exit(SOME_FAILED)


@calendar.command("prune")
@AS_JSON
def calendar_prune(as_json: bool) -> None:
    """Remove airings of shows the site does not list, and those long aired."""
    from ratingo_pipelines.sync.airings import prune_calendar
    from ratingo_pipelines.terminal.reports import prune_lines

    with _sync_context() as ctx:
        report = prune_calendar(ctx)
    _print_json(report.as_dict()) if as_json else _print_lines(prune_lines(report))


@cli.command()
@AS_JSON
def status(as_json: bool) -> None:
    """Say how far the latest cycles are and which titles fail."""
    from ratingo_pipelines.sync.context import utc_now
    from ratingo_pipelines.sync.status import status as read_status
    from ratingo_pipelines.terminal.reports import status_lines

    settings = _settings()
    database = _database(settings)
    state = read_status(database, settings, utc_now())
    _print_json(state.as_dict()) if as_json else _print_lines(status_lines(state))


@cli.command()
@click.argument("medium", type=MEDIUM, required=False)
@click.option("--sort", type=click.Choice(list(SORTS)), default="score", show_default=True, help="By what.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many titles a medium.")
@AS_JSON
@click.option("--csv", "as_csv", is_flag=True, help="Print a line of CSV a title on standard output.")
def top(medium: str | None, sort: str, limit: int, as_json: bool, as_csv: bool) -> None:
    """Show what is being watched now, of MEDIUM or of both: ratings, watchers and their change, where to watch."""
    from dataclasses import asdict

    from ratingo_pipelines.media import BY_NAME, MEDIA
    from ratingo_pipelines.storage.listing import Sort
    from ratingo_pipelines.sync.context import utc_now
    from ratingo_pipelines.sync.watching import watched
    from ratingo_pipelines.terminal.fitting import stdout_console
    from ratingo_pipelines.terminal.top import top_table, write_csv

    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    database = _database(_settings())
    now, media = utc_now(), [BY_NAME[medium]] if medium else MEDIA
    found = {chosen: watched(database, chosen, now, Sort[SORTS[sort]], limit) for chosen in media}
    if as_json:
        _print_json({chosen.plural: [asdict(title) for title in titles] for chosen, titles in found.items()})
    elif as_csv:
        write_csv(sys.stdout, found)
    else:
        console = stdout_console()
        for chosen, titles in found.items():
            if titles:
                console.print(top_table(chosen, titles, console.width), "")
            else:
                click.echo(f"{chosen}: nothing is listed yet: `ratingo sync {chosen}`")
        if any(found.values()):
            click.echo("Watch providers: JustWatch.")


@cli.command()
@click.argument("medium", type=MEDIUM)
@click.argument("cycles", type=click.IntRange(1), nargs=-1, metavar="[CYCLE CYCLE]")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="How many titles a table.")
@AS_JSON
def diff(medium: str, cycles: tuple[int, ...], limit: int, as_json: bool) -> None:
    """Compare two cycles of MEDIUM, by default the latest with the one before: new, gone, risen, fallen."""
    from dataclasses import asdict

    from ratingo_pipelines.media import BY_NAME
    from ratingo_pipelines.sync.movement import UnknownCycle, movement
    from ratingo_pipelines.terminal.fitting import stdout_console
    from ratingo_pipelines.terminal.moves import movement_lines, movement_tables

    if len(cycles) not in {0, 2}:
        raise click.UsageError("name two cycles, or none for the latest two")
    chosen = BY_NAME[medium]
    try:
        found = movement(_database(_settings()), chosen, (cycles[0], cycles[1]) if cycles else None)
    except UnknownCycle as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        _print_json(asdict(found))
        return
    _print_lines(movement_lines(chosen, found))
    console = stdout_console()
    for table in movement_tables(found, limit, console.width):
        console.print("", table)


@cli.command()
@click.argument("words")
@AS_JSON
def search(words: str, as_json: bool) -> None:
    """Look for WORDS among the names of shows and movies at TMDB, and say which of them are known.

    Exit code 1 where nothing is called so.
    """
    from dataclasses import asdict

    from ratingo_pipelines.sync.search import search as look_for
    from ratingo_pipelines.terminal.reports import search_lines

    with _sync_context() as ctx:
        found = look_for(ctx, words)
    if as_json:
        _print_json([asdict(each) for each in found])
    else:
        _print_lines(search_lines(found))
    if not found:
        click.echo(visible_lines(f"ratingo: TMDB finds nothing that is called {words}"), err=True)
        sys.exit(SOME_FAILED)


@cli.command()
@click.argument("medium", type=MEDIUM)
@click.argument("title")
@AS_JSON
def show(medium: str, title: str, as_json: bool) -> None:
    """Show all that is known of TITLE, a TMDB id or a part of its name, and why it is so.

    Exit code 1 where no title is called so, or several are, which are then listed.
    """
    from dataclasses import asdict

    from ratingo_pipelines.media import BY_NAME
    from ratingo_pipelines.sync.context import utc_now
    from ratingo_pipelines.sync.title_record import named, record_of
    from ratingo_pipelines.terminal.title_record import name_lines, record_lines

    settings = _settings()
    chosen, database = BY_NAME[medium], _database(settings)
    if title.isascii() and title.isdecimal():
        record = record_of(database, chosen, int(title), utc_now())
    else:
        found = named(database, chosen, title)
        if len(found) > 1:
            click.echo(f"ratingo: several {chosen} are called so; name one by its id:", err=True)
            click.echo(visible_lines("\n".join(name_lines(found))), err=True)
            sys.exit(SOME_FAILED)
        record = record_of(database, chosen, found[0].tmdb_id, utc_now()) if found else None
    if record is None:
        click.echo(visible_lines(f"ratingo: no list ever named {title} among {chosen}"), err=True)
        sys.exit(SOME_FAILED)
    _print_json(asdict(record)) if as_json else _print_lines(record_lines(record, settings.gateway_url))


@cli.command()
@click.option("--offline", is_flag=True, help="Ask no API.")
@AS_JSON
def doctor(offline: bool, as_json: bool) -> None:
    """Look for what would keep the next sync from going well: settings, keys, database, home, daemon, clock.

    Exit code 0: all is well; 1: there are warnings, as of what just does not run here; 2: the next sync would fail.
    """
    from dataclasses import asdict

    from ratingo_pipelines.doctor import examine, exit_code
    from ratingo_pipelines.terminal.remarks import remark_lines

    remarks = []
    for remark in examine(_settings(), offline=offline):
        remarks.append(remark)
        if not as_json:
            _print_lines(remark_lines(remark))
    if as_json:
        _print_json([asdict(remark) for remark in remarks])
    sys.exit(exit_code(remarks))


@cli.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def doubts(click_context: click.Context, as_json: bool) -> None:
    """List what a source says is gone and what is kept until another answer says the same."""
    from dataclasses import asdict

    from ratingo_pipelines.sync.doubts import open_doubts
    from ratingo_pipelines.terminal.reports import doubt_lines

    if click_context.invoked_subcommand is not None:
        return
    database = _database(_settings())
    found = open_doubts(database)
    _print_json([asdict(one) for one in found]) if as_json else _print_lines(doubt_lines(found))


@doubts.command()
@click.argument("part")
@click.option("--region", help="Only in this country (UA) or, of texts, this locale (uk-UA).")
@click.option("--medium", type=MEDIUM, help="Only shows, or only movies.")
def accept(part: str, region: str | None, medium: str | None) -> None:
    """Believe at once that PART, as `ratingo doubts` calls it, is gone from the titles it is in doubt about."""
    from ratingo_pipelines.media import BY_NAME, MEDIA
    from ratingo_pipelines.sync.doubts import accept as accept_doubts
    from ratingo_pipelines.sync.trust.parts import FactPart
    from ratingo_pipelines.text import counted

    if part not in set(FactPart):
        raise click.BadParameter(f"{part!r} is none of {', '.join(sorted(FactPart))}", param_hint="PART")
    settings = _settings()
    database = _database(settings)
    accepted = accept_doubts(settings, database, part, region, [BY_NAME[medium]] if medium else MEDIA)
    click.echo(f"{part}: taken away from {counted(accepted, 'title')}")


@cli.command()
@click.option("--test", is_flag=True, required=True, expose_value=False, help="Send a message that says it is a test.")
def alert() -> None:
    """Send a test to whom the sensor `alerts` tells of what needs a person: ALERT_WEBHOOK_URL, ALERT_TELEGRAM_TOKEN."""
    from ratingo_pipelines.settings import SettingsError
    from ratingo_pipelines.sources.recipients import VARIABLES, recipients, send_alert

    told = recipients(_settings())
    if not told:
        raise SettingsError(f"{VARIABLES}: nobody is alerted")
    send_alert(told, ["This is a test by `ratingo alert --test`: what needs a person is told here."])
    click.echo(f"sent to {', '.join(each.name for each in told)}")


@cli.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Create the database, or bring an existing one up to date; no row is changed."""
    from ratingo_pipelines.storage.engine import open_database
    from ratingo_pipelines.storage.errors import location_of
    from ratingo_pipelines.storage.schema import upgrade as upgrade_schema

    database = open_database(_settings())
    left = upgrade_schema(database)
    click.echo(f"{location_of(database.url)}: up to date")
    _print_lines(f"  left to you, as rows may depend on it: {difference}" for difference in left)


@db.command()
def check() -> None:
    """Compare the database with the contract; print each difference, exit 1 if there is any."""
    from ratingo_pipelines.storage.engine import open_database
    from ratingo_pipelines.storage.errors import location_of
    from ratingo_pipelines.storage.schema import differences

    database = open_database(_settings())
    found = differences(database)
    _print_lines(found or [f"{location_of(database.url)}: as it should be"])
    if found:
        sys.exit(SOME_FAILED)


@db.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@AS_JSON
def db_copy(source: str, target: str, as_json: bool) -> None:
    """Copy all that is in the database FROM into TO, an empty one, and compare them; SQLite or PostgreSQL, both URLs.

    After a kill the same command goes on. Nobody can write to FROM meanwhile. Exit code 1 where something differs in
    the end: TO then stays unusable. A password is better kept in ~/.pgpass or PGPASSWORD than in a URL, which everybody
    on the machine sees.
    """
    from dataclasses import asdict

    from ratingo_pipelines.storage.copying import copy_database
    from ratingo_pipelines.storage.engine import Database, normalised_url
    from ratingo_pipelines.storage.errors import location_of
    from ratingo_pipelines.sync.context import utc_now
    from ratingo_pipelines.terminal.copies import copy_lines
    from ratingo_pipelines.terminal.interrupting import interruptible
    from ratingo_pipelines.terminal.progress import copy_followed

    settings = _settings()
    urls = [normalised_url(source, "FROM"), normalised_url(target, "TO")]
    origin, copy = (Database(url.render_as_string(hide_password=False), settings.pipeline_schema) for url in urls)
    with interruptible("Run it again to go on."), _nobody_serves(settings, origin), copy_followed() as follower:
        report = copy_database(origin, copy, utc_now(), follower)
    if as_json:
        _print_json({**asdict(report), "same": report.same})
    else:
        _print_lines(copy_lines(report, location_of(copy.url)))
    if not report.same:
        sys.exit(SOME_FAILED)


@contextmanager
def _nobody_serves(settings: "Settings", origin: "Database") -> Iterator[None]:
    """Hold the home whose database is copied: a `ratingo serve` there may begin a run at any moment.

    Raises SettingsError where there is one.
    """
    from ratingo_pipelines.storage.engine import normalised_url

    if origin.url != normalised_url(settings.database) or not settings.home.is_dir():
        yield
        return
    from ratingo_pipelines.gateway.processes.services import alone_in
    from ratingo_pipelines.settings import SettingsError

    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(settings.home))
        except SettingsError:
            raise SettingsError(f"`ratingo serve` works in {settings.home}: stop it, then copy again") from None
        yield


@cli.group()
def token() -> None:
    """Named tokens for the endpoints of `ratingo serve`, each with a role of its own."""


@token.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["read", "trigger", "admin"]),
    required=True,
    help="read: status and metrics; trigger: also what the endpoints start; admin: also the UI and GraphQL mutations.",
)
@click.option("--until", metavar="DAY", help="From this day (UTC) on it is not accepted, such as 2027-01-31.")
def token_add(name: str, role: str, until: str | None) -> None:
    """Make a token called NAME and print it, this once: only its SHA-256 is kept. A running gateway takes it."""
    from ratingo_pipelines.gateway.auth.principals import Role
    from ratingo_pipelines.gateway.auth.tokens import add_token, parse_end
    from ratingo_pipelines.home import prepare_home

    settings = _settings()
    prepare_home(settings)
    try:
        ends_at = parse_end(until) if until else None
    except ValueError:
        raise click.BadParameter("must be a day or a time, such as 2027-01-31", param_hint="--until") from None
    click.echo(add_token(settings.tokens_file, name, Role.parse(role), ends_at))
    click.echo(f"ratingo: kept as {name} ({role}) in {settings.tokens_file}; it is not shown again", err=True)


@token.command("list")
def token_list() -> None:
    """Print the names, roles and ends of all tokens."""
    from ratingo_pipelines.gateway.auth.tokens import read_tokens

    for each in read_tokens(_settings().tokens_file):
        until = f" until {each.ends_at:%Y-%m-%d %H:%M} UTC" if each.ends_at else ""
        click.echo(f"{each.name} {each.role}{until}")


@token.command("remove")
@click.argument("name")
def token_remove(name: str) -> None:
    """Remove the token called NAME: it and the sessions begun with it open nothing from now on."""
    from ratingo_pipelines.gateway.auth.tokens import remove_token

    remove_token(_settings().tokens_file, name)
    click.echo(f"{name}: removed")


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8790, show_default=True, help="0 picks a free one.")
@click.option("--epoch", type=click.IntRange(0), default=0, help="How far its time has moved: watchers, lists, offers.")
def sandbox(port: int, epoch: int) -> None:
    """Serve an offline stand-in for Trakt, TMDB and OMDb, and say what to put into .env."""
    from ratingo_pipelines.sandbox.server import serve

    serve(port, epoch=epoch)


@cli.command()
@click.option("--without", type=click.Choice(["trakt"]), help="One cycle while this source refuses its key.")
def demo(without: str | None) -> None:
    """Fill the database from the sandbox, through Dagster, and show what is trending. Needs no keys."""
    settings = _settings_for_dagster()
    from ratingo_pipelines.demo import run_demo

    if not run_demo(settings, without_trakt=without == "trakt"):
        sys.exit(SOME_FAILED)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True)
def dev(port: int) -> None:
    """Open Dagster's UI, with its daemon, on this installation's home, for this machine alone."""
    settings = _settings_for_dagster()
    from ratingo_pipelines.demo import ready_to_develop
    from ratingo_pipelines.gateway import serve as gateway

    with ready_to_develop(settings) as ready:
        code = gateway.run(ready, gateway.DevOptions(port=port))
    gateway.leave(code)


@cli.command()
@click.option("--host", help="GATEWAY_HOST, or 127.0.0.1, if not given.")
@click.option("--port", type=click.IntRange(0, 65535), help="GATEWAY_PORT, or 3000, if not given; 0 picks a free one.")
@click.option("--gateway-only", is_flag=True, help="Only the web application: the rest is there already.")
@click.option("--workspace", type=click.Path(), default="workspace.yaml", help="With --gateway-only; workspace.yaml.")
def serve(host: str | None, port: int | None, gateway_only: bool, workspace: str) -> None:
    """Serve trigger endpoints, GraphQL and Dagster's UI behind CRON_SECRET, with daemon and code server."""
    settings = _settings_for_dagster()
    from pathlib import Path

    from ratingo_pipelines.gateway import serve as gateway

    options = gateway.ServeOptions(
        host=host or settings.gateway_host,
        port=settings.gateway_port if port is None else port,
        workspace=Path(workspace) if gateway_only else None,
    )
    gateway.serve(settings, options)


def _settings() -> "Settings":
    from ratingo_pipelines.settings import load_settings

    return load_settings()


def _settings_for_dagster() -> "Settings":
    """Raises SettingsError where the machine is too small, before Dagster is imported."""
    from ratingo_pipelines.settings import SettingsError

    settings = _settings()
    if lacking := lacking_for_dagster(settings.concurrency):
        raise SettingsError(lacking)
    return settings


@contextmanager
def _sync_context(how_to_go_on: str = "Run it again for the rest.", **overrides: Any) -> Iterator["SyncContext"]:
    from ratingo_pipelines.settings import UPSTREAM_KEYS, load_settings
    from ratingo_pipelines.sync.context import open_sync_context
    from ratingo_pipelines.terminal.interrupting import interruptible

    settings = load_settings(requires=UPSTREAM_KEYS, **overrides)
    with interruptible(how_to_go_on), open_sync_context(settings) as ctx:
        yield ctx


def _run_id() -> str:
    return f"cli-{uuid4().hex[:12]}"


def _database(settings: "Settings") -> "Database":
    """The database, whose schema is the current one."""
    from ratingo_pipelines.storage.engine import open_database
    from ratingo_pipelines.storage.schema import ensure_current

    database = open_database(settings)
    ensure_current(database)
    return database


def _print_json(value: object) -> None:
    click.echo(visible_lines(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


def _print_lines(*blocks: Iterable[str]) -> None:
    for block in blocks:
        for line in block:
            click.echo(visible(line))


def _exit(*reports: "BatchReport") -> None:
    from ratingo_pipelines.sync.report import StopReason

    if any(report.stopped_by in {StopReason.ACCESS, StopReason.DATABASE} for report in reports):
        sys.exit(WRONG_ENVIRONMENT)
    if not all(report.ok for report in reports):
        sys.exit(SOME_FAILED)
