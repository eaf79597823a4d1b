"""The upstream APIs: their keys by form, and one call to each that the sync itself makes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr

from ratingo_pipelines.doctor.database import is_missing
from ratingo_pipelines.doctor.remark import Remark, Severity
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.settings import OMDB_KEY, TMDB_KEY, TRAKT_KEY, Settings
from ratingo_pipelines.sources.errors import NotFound, SourceError
from ratingo_pipelines.sources.http import JsonApi
from ratingo_pipelines.sources.omdb import open_omdb
from ratingo_pipelines.sources.tmdb import open_tmdb
from ratingo_pipelines.sources.trakt import open_trakt
from ratingo_pipelines.storage import quota
from ratingo_pipelines.storage.engine import open_database, retried_transaction
from ratingo_pipelines.storage.errors import StorageError
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.trust.clock import agrees, forbids_cycle, in_words

WELL_KNOWN = "tt0944947"
"""A title that IMDb will keep: Game of Thrones."""


@dataclass(frozen=True)
class _Api:
    name: str
    variables: tuple[str, ...]
    """Settings that may hold its key."""
    where: str
    """Where a key comes from."""
    without: str | None = None
    """What it is like without the API; None where nothing goes."""

    def wanting(self, settings: Settings) -> Severity:
        """What it means that the API cannot be asked."""
        is_needed = self.without is None or (self == TRAKT and settings.trending_source == "trakt")
        return Severity.WRONG if is_needed else Severity.WARNING


_TMDB_STANDS_IN = "the trending list is TMDB's, without watchers"
TRAKT = _Api("Trakt", TRAKT_KEY, "https://trakt.tv/oauth/applications", _TMDB_STANDS_IN)
TMDB = _Api("TMDB", TMDB_KEY, "https://www.themoviedb.org/settings/api")
OMDB = _Api("OMDb", OMDB_KEY, "https://www.omdbapi.com/apikey.aspx", "IMDb's and Metacritic's ratings stay as they are")
APIS = (TRAKT, TMDB, OMDB)
FORMS = {
    "trakt_client_id": ("64 hexadecimal digits", re.compile(r"[0-9a-f]{64}")),
    "tmdb_access_token": ("a long text of three parts that begins with eyJ", re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")),
    "tmdb_api_key": ("32 hexadecimal digits", re.compile(r"[0-9a-f]{32}")),
    "omdb_api_key": ("8 hexadecimal digits", re.compile(r"[0-9a-f]{7,8}")),
}
"""What keys look like, as each API hands them out; an API never says so, thus another form is no more than a hint."""


def of_keys(settings: Settings) -> Iterator[Remark]:
    """Whether keys are set, and look like the API's; the latter where the API itself is asked, not a stand-in."""
    for api in APIS:
        if api == TRAKT and settings.trending_source == "tmdb":
            continue
        given = [name for name in api.variables if getattr(settings, name) is not None]
        names = " or ".join(name.upper() for name in api.variables)
        if not given:
            severity = api.wanting(settings)
            without = f"; {api.without}" if severity is Severity.WARNING else ""
            remedy = f"get one at {api.where} and write it into .env"
            yield Remark(f"{api.name}'s key", severity, f"{names} is not set{without}", remedy)
        for name in given:
            yield _of_form(settings, api, name)


def _of_form(settings: Settings, api: _Api, name: str) -> Remark:
    about, variable = f"{api.name}'s key", name.upper()
    key: SecretStr = getattr(settings, name)
    form, pattern = FORMS[name]
    url = f"{api.name.lower()}_base_url"
    if getattr(settings, url) != Settings.model_fields[url].default:
        return Remark(
            about, Severity.OK, f"{variable} is set; its form is not judged, as {url.upper()} names another API"
        )
    if pattern.fullmatch(key.get_secret_value()):
        return Remark(about, Severity.OK, f"{variable} is set")
    return Remark(about, Severity.WARNING, f"{variable} does not look like {form}", f"compare it with {api.where}")


def of_sources(settings: Settings) -> Iterator[Remark]:
    """What each API answers to one call, and whose clock is right. OMDb's call counts against its day."""
    # An answer that is kept here tells nothing of the key.
    settings = settings.model_copy(update={"http_cache": False})
    if settings.trakt_client_id is not None and settings.trending_source != "tmdb":
        yield from _of_trakt(settings)
    if settings.tmdb_access_token or settings.tmdb_api_key:
        yield _asked(settings, TMDB, settings.tmdb_base_url, partial(_ask_tmdb, settings))
    if settings.omdb_api_key is not None:
        yield _asked(settings, OMDB, settings.omdb_base_url, partial(_ask_omdb, settings))


def _of_trakt(settings: Settings) -> Iterator[Remark]:
    opened: list[JsonApi] = []

    def ask() -> str:
        client = open_trakt(settings)
        assert client is not None  # noqa: S101 - its key is set
        opened.append(client.api)
        with client.api:
            listed = client.trending(SHOWS, 1, bypass_cache=True)
        return f"number one is {listed[0].title.title}" if listed else "its list is empty"

    yield _asked(settings, TRAKT, settings.trakt_base_url, ask)
    times = opened[0].server_time() if opened else None
    if times is not None:
        theirs, ours = times
        off = in_words(ours - theirs)
        if agrees(ours - theirs):
            yield Remark("clock", Severity.OK, "this machine's agrees with Trakt's")
        elif forbids_cycle(ours - theirs):
            yield Remark("clock", Severity.WRONG, f"this machine's is {off}; no cycle is opened so", "set it")
        else:
            yield Remark("clock", Severity.WARNING, f"this machine's is {off}", "set it")


def _ask_tmdb(settings: Settings) -> str:
    client = open_tmdb(settings)
    with client.api:
        names = client.genre_names(SHOWS, settings.locales[0])
    return f"it names {len(names)} genres in {settings.locales[0]}"


def _ask_omdb(settings: Settings) -> str:
    if not _take_one(settings):
        return "not asked: today's requests are spent"
    client = open_omdb(settings)
    assert client is not None  # noqa: S101 - its key is set
    with client.api:
        try:
            client.ratings(WELL_KNOWN, SHOWS, bypass_cache=True)
        except NotFound:
            return "it takes the key"
    return "it knows a well-known title"


@retried_transaction
def _take_one(settings: Settings) -> bool:
    """Use one of OMDb's requests of the day; where no database counts them, the call is made all the same."""
    try:
        database = open_database(settings)
        if is_missing(database):
            return True
        with database.writing() as conn:
            return bool(quota.take(conn, "omdb", utc_now().date().isoformat(), settings.omdb_daily_limit))
    except StorageError:
        return True


def _asked(settings: Settings, api: _Api, base_url: str, ask: Callable[[], str]) -> Remark:
    try:
        return Remark(api.name, Severity.OK, f"answers at {base_url}: {ask()}")
    except SourceError as error:
        # Its message says what to do.
        return Remark(api.name, api.wanting(settings), str(error).removeprefix(f"{api.name}: "))
