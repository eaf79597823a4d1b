"""Environment and `.env` -> typed, validated settings.

Everything that can be configured is a field here, named like its variable. Secrets are `SecretStr` and never
print. What the values are used for lives with the modules that use them.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ratingo_pipelines.cron import check_cron

TRAKT_KEY = ("trakt_client_id",)
TMDB_KEY = ("tmdb_access_token", "tmdb_api_key")
OMDB_KEY = ("omdb_api_key",)
UPSTREAM_KEYS = (TMDB_KEY,)
"""What a command that asks the upstream APIs requires; Trakt's key as well where `TRENDING_SOURCE` names Trakt."""
OPTIONAL_KEYS = (TRAKT_KEY, OMDB_KEY)
"""Of sources that are asked where their key is there."""
_CRON = "_cron"
PIPELINE_SCHEMA = "pipeline"
"""PostgreSQL schema of this project's own tables: the site's migrations drop what they do not know in its own."""

_WHERE = {
    "trakt_client_id": "the Client ID of your application at https://trakt.tv/oauth/applications",
    "tmdb_access_token": "the API Read Access Token at https://www.themoviedb.org/settings/api",
    "tmdb_api_key": "the API Key at https://www.themoviedb.org/settings/api",
    "omdb_api_key": "a key from https://www.omdbapi.com/apikey.aspx",
    "alert_telegram_token": "what @BotFather gave you for the bot that tells",
    "alert_telegram_chat": "the chat's `id` in what https://api.telegram.org/bot<token>/getUpdates answers",
    "cron_secret": "any secret of at least 32 characters, such as the output of `openssl rand -hex 32`",
}


_PAIRS = (("alert_telegram_token", "alert_telegram_chat"),)
"""What is set together or not at all."""


class SettingsError(Exception):
    """The environment is wrong; the message names every wrong variable and where to get it."""


@dataclass(frozen=True)
class RateLimit:
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read `500/300`. Raises `ValueError` for anything else."""
        if isinstance(text, cls):
            return text
        match = re.fullmatch(r"\s*([1-9]\d*)\s*/\s*([1-9]\d*)\s*", str(text))
        if match is None:
            raise ValueError("must be REQUESTS/SECONDS, such as 500/300")
        return cls(int(match[1]), int(match[2]))

    @property
    def per_second(self) -> float:
        """Requests a second, on average."""
        return self.requests / self.seconds

    def __str__(self) -> str:
        """The form it is configured in."""
        return f"{self.requests}/{self.seconds}"


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _all_like(pattern: str, example: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(words: tuple[str, ...]) -> tuple[str, ...]:
        if not words or not all(re.fullmatch(pattern, word) for word in words):
            raise ValueError(f"must be one or more, such as {example}")
        return words

    return check


def _names(words: tuple[str, ...]) -> tuple[str, ...]:
    return _all_like("[a-z_]+", "shows_cycle,movies_cycle")(words) if words else words


def _english_last(locales: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(locales, key=lambda locale: locale.startswith("en-")))


def _base_url(value: object) -> str:
    text = str(value).strip()
    # No user and password: they would be printed with the URL.
    if not re.fullmatch(r"https?://([^/\s:?#@]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[^\s?#]*)?", text):
        raise ValueError("must be an http:// or https:// URL")
    return text


def _folder(path: Path) -> Path:
    try:
        folder = path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("begins with the home of a user that this machine does not know") from None
    if os.path.isfile(folder):
        raise ValueError("must be a folder, and is a file")
    return folder


def _file(path: Path | None) -> Path | None:
    try:
        file = path.expanduser().absolute() if path else None
    except RuntimeError:
        raise ValueError("begins with the home of a user that this machine does not know") from None
    if file and os.path.isdir(file):
        raise ValueError("must be a file, and is a folder")
    return file


def _secret(value: object) -> object:
    # A line break from a copied or mounted key would make the header that carries it invalid.
    return value.strip() or None if isinstance(value, str) else value


def _host(value: object) -> str:
    text = str(value).strip()
    if not re.fullmatch(r"[A-Za-z0-9.:-]+", text):
        raise ValueError("must be a host name or an address, such as 127.0.0.1")
    return text


def _networks(words: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(word)) for word in words)
    except ValueError:
        raise ValueError("must be addresses or networks, such as 127.0.0.1,10.0.0.0/8") from None


def _webhook(url: SecretStr | None) -> SecretStr | None:
    if url and not re.match(r"https?://[^/\s]+", url.get_secret_value()):
        raise ValueError("must be an http:// or https:// URL")
    return url


def _telegram_chat(value: object) -> str | None:
    text = str(value or "").strip()
    if text and not re.fullmatch(r"-?\d+|@\w+", text):
        raise ValueError("must be a chat's number, such as -1001234567890, or a channel's @name")
    return text or None


# Minute, hour, day of the month, month, day of the week: the lowest and the highest number of each.
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def _cron(value: object) -> str:
    text = " ".join(str(value).split()).lower()
    if text == OFF:
        return text
    fields = text.split(" ")
    if len(fields) != len(_CRON_RANGES) or not all(map(_is_cron_field, fields, _CRON_RANGES)):
        raise ValueError(f"must be minute, hour, day, month, weekday, such as '0 */6 * * *' (UTC), or {OFF}")
    check_cron(text)
    return text


def _is_cron_field(text: str, allowed: tuple[int, int]) -> bool:
    for item in text.split(","):
        match = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?", item)
        if match is None:
            return False
        numbers = [int(number) for number in match.groups()[:2] if number]
        if not all(allowed[0] <= number <= allowed[1] for number in numbers):
            return False
    return True


def sqlite_url(path: Path) -> str:
    """The URL of exactly this file, whatever characters its path has.

    SQLAlchemy takes what follows a `?` for options, and decodes percents (`sqlalchemy.engine.url._parse_url`).
    """
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


def _database_url(url: SecretStr | None) -> SecretStr | None:
    if url and not re.match(r"(postgres|postgresql|sqlite)(\+\w+)?://", url.get_secret_value()):
        raise ValueError("must begin with postgresql:// or sqlite:///, such as sqlite:///ratingo.db")
    return url


def _schema(value: object) -> str:
    text = str(value).strip()
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", text) or text in {"public", "information_schema"}:
        raise ValueError("must be a schema of its own: lower-case letters, digits and _, such as pipeline, not public")
    return text


OFF = "off"
"""What a schedule's variable says instead of a time to switch it off."""
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Numbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_split)]
Regions = Annotated[Words, AfterValidator(_all_like("[A-Z]{2}", "UA,US"))]
Locales = Annotated[Words, AfterValidator(_all_like("[a-z]{2}-[A-Z]{2}", "uk-UA,en-US")), AfterValidator(_english_last)]
"""The last one is the main locale, in which TMDB is asked: English where it is among them, in whatever order."""
MediaNames = Annotated[tuple[Literal["shows", "movies"], ...], NoDecode, BeforeValidator(_split)]
Limit = Annotated[RateLimit, NoDecode, BeforeValidator(RateLimit.parse)]
Host = Annotated[str, BeforeValidator(_host)]
Proxies = Annotated[Words, AfterValidator(_networks)]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
Folder = Annotated[Path, AfterValidator(_folder)]
"""Absolute once read, so that a later `chdir` moves nothing."""
File = Annotated[Path | None, AfterValidator(_file)]
Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
DatabaseUrl = Annotated[SecretStr | None, BeforeValidator(_secret), AfterValidator(_database_url)]
SchemaName = Annotated[str, BeforeValidator(_schema)]
Webhook = Annotated[SecretStr | None, BeforeValidator(_secret), AfterValidator(_webhook)]
TelegramChat = Annotated[str | None, BeforeValidator(_telegram_chat)]
Names = Annotated[Words, AfterValidator(_names)]
Cron = Annotated[str, BeforeValidator(_cron)]
"""A time of Dagster's scheduler, in UTC, or `off`."""


class Settings(BaseSettings):
    """All settings: `trending_limit` is the variable `TRENDING_LIMIT`. Empty variables count as unset."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    ratingo_home: Folder = Path(".ratingo")
    database_url: DatabaseUrl = None
    pipeline_schema: SchemaName = PIPELINE_SCHEMA
    """Another name for each of two installations in one PostgreSQL database, told apart by `search_path`."""
    dagster_home: Folder | None = None

    cron_secret: Secret = None
    cron_secret_previous: Secret = None
    """Still accepted while callers change over to a new one."""
    ui_password: Secret = None
    """What people may log in with instead of the secret."""
    gateway_host: Host = "127.0.0.1"
    gateway_port: int = Field(3000, ge=0, le=65535)
    ratingo_tokens_file: File = None
    """Named tokens and their roles; `tokens` in the home if unset."""
    audit_to_log: bool = False
    """Whether what is changed, and who is refused, is logged besides being written into the home."""
    trusted_proxies: Proxies = ()
    """Reverse proxies, addresses or networks, whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    trakt_client_id: Secret = None
    tmdb_access_token: Secret = None
    tmdb_api_key: Secret = None
    omdb_api_key: Secret = None

    trakt_base_url: BaseUrl = "https://api.trakt.tv"
    tmdb_base_url: BaseUrl = "https://api.themoviedb.org/3"
    omdb_base_url: BaseUrl = "https://www.omdbapi.com"
    imdb_dataset_url: BaseUrl = "https://datasets.imdbws.com/title.ratings.tsv.gz"
    telegram_base_url: BaseUrl = "https://api.telegram.org"

    trending_source: Literal["auto", "trakt", "tmdb"] = "auto"
    """Whose trending list is taken; `auto`: Trakt's, and TMDB's while Trakt gives none."""
    imdb_dataset: Literal["off", "on"] = "off"
    """Whether IMDb's daily dataset of ratings is read: its licence is for personal and non-commercial use only."""
    trending_limit: int = Field(100, ge=1, le=1000)
    listed_days: int = Field(30, ge=0)
    """How long after the last trending list that named it a title stays on the site's lists; 0 keeps it for ever."""
    airings_calendar_days: int = Field(30, ge=1, le=120)
    airings_keep_days: int = Field(30, ge=0)
    regions: Regions = ("UA", "US")
    locales: Locales = ("uk-UA", "en-US")
    anime_keywords: Words = ("anime", "аніме")
    anime_genre_ids: Numbers = (16,)
    anime_media: MediaNames = ("shows",)

    concurrency: int = Field(16, ge=1, le=64)
    trakt_rate_limit: Limit = RateLimit(500, 300)
    tmdb_rate_limit: Limit = RateLimit(40, 1)
    omdb_daily_limit: int = Field(1000, ge=0)
    http_cache: bool = True
    http_timeout_seconds: float = Field(30, gt=0)
    retry_after_cap_seconds: float = Field(90, ge=0)
    lease_seconds: int = Field(60, ge=1)

    give_up_after: int = Field(6, ge=1)
    """Attempts after which a title that keeps failing is tried weekly only."""
    retry_delay_seconds: int = Field(900, ge=1)
    """How long after its first failure a title is tried again; each further attempt waits twice as long.

    So long after it opened no cycle, a trending list is asked for again.
    """
    partition_keep_days: int = Field(180, ge=1)
    """How long after the last trending list that named it a title keeps its partition in Dagster."""
    alert_webhook_url: Webhook = None
    alert_telegram_token: Secret = None
    alert_telegram_chat: TelegramChat = None
    alert_grace_seconds: int = Field(300, ge=0)
    """How long a failed run has to recover by itself before it is alerted."""
    sensors_off: Names = ()
    """Sensors that do not run by themselves, such as `shows_retries`."""

    shows_trending_cron: Cron = "0 */6 * * *"
    shows_omdb_backfill_cron: Cron = "10 */6 * * *"
    shows_meta_backfill_cron: Cron = "15 */6 * * *"
    shows_calendar_sync_cron: Cron = "20 */6 * * *"
    shows_calendar_prune_cron: Cron = "25 */6 * * *"
    shows_changes_backfill_cron: Cron = "45 3 * * *"
    shows_partitions_prune_cron: Cron = "30 3 * * *"
    movies_trending_cron: Cron = "0 2 * * *"
    movies_omdb_backfill_cron: Cron = "10 2 * * *"
    movies_meta_backfill_cron: Cron = "15 2 * * *"
    movies_changes_backfill_cron: Cron = "50 3 * * *"
    movies_partitions_prune_cron: Cron = "35 3 * * *"
    imdb_backfill_cron: Cron = "40 5 * * *"

    @property
    def crons(self) -> dict[str, str]:
        """When each scheduled job starts by itself, by the job's name; `off` where it does not."""
        jobs = (field.removesuffix(_CRON) for field in type(self).model_fields if field.endswith(_CRON))
        return {job: getattr(self, job + _CRON) for job in jobs}

    @property
    def home(self) -> Path:
        """The folder of everything this installation keeps; absolute."""
        return self.ratingo_home

    @property
    def database(self) -> SecretStr:
        """URL of the database; secret, as it may carry a password."""
        return self.database_url or SecretStr(sqlite_url(self.home / "ratingo.db"))

    @property
    def gateway_url(self) -> str:
        """Where the gateway answers, as this machine calls it."""
        host = "127.0.0.1" if self.gateway_host in {"0.0.0.0", "::"} else self.gateway_host  # noqa: S104 - compared
        return f"http://{f'[{host}]' if ':' in host else host}:{self.gateway_port}"

    @property
    def tokens_file(self) -> Path:
        """The file of named tokens; it need not be there."""
        return self.ratingo_tokens_file or self.home / "tokens"

    @property
    def dagster(self) -> Path:
        """Dagster's home."""
        return self.dagster_home or self.home / "dagster"


def missing_keys(settings: Settings, requires: Iterable[tuple[str, ...]] = UPSTREAM_KEYS) -> list[str]:
    """The variables of values that are required and not set: `TMDB_ACCESS_TOKEN or TMDB_API_KEY`."""
    lacking = _lacking(settings, _with_trakt(settings, requires))
    return [" or ".join(field.upper() for field in fields) for fields in lacking]


def _with_trakt(settings: Settings, requires: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """`requires`, and Trakt's key where the APIs are asked and the lists may be nobody else's."""
    required = list(requires)
    needs_trakt = settings.trending_source == "trakt" and TMDB_KEY in required and TRAKT_KEY not in required
    return [TRAKT_KEY, *required] if needs_trakt else required


def _lacking(settings: Settings, requires: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [fields for fields in requires if not any(getattr(settings, field) for field in fields)]


def load_settings(requires: Iterable[tuple[str, ...]] = (), **overrides: Any) -> Settings:
    """Read the settings, or raise one `SettingsError` about every malformed and every missing variable.

    `requires` lists the values the caller cannot do without, each as the fields of which one must be set.
    """
    problems: list[str] = []
    try:
        settings = Settings(**overrides)
    except UnicodeDecodeError:
        # Not its cause: that one carries the whole file, secrets and all.
        raise SettingsError("Wrong environment:\n  .env: must be text in UTF-8") from None
    except ValidationError as error:
        wrong = {str(item["loc"][0]): item["msg"] for item in error.errors(include_input=False)}
        problems = [_describe(field, message) for field, message in wrong.items()]
        # Read again without the malformed ones, so that one message names the missing ones as well.
        settings = Settings(**overrides | {field: Settings.model_fields[field].default for field in wrong})
    problems += [_missing((field,)) for field in _other_halves(settings)]
    problems += [_missing(fields) for fields in _lacking(settings, _with_trakt(settings, requires))]
    if problems:
        raise SettingsError("Wrong environment (variables, or .env here):\n" + "\n".join(f"  {p}" for p in problems))
    return settings


def _other_halves(settings: Settings) -> list[str]:
    """The variables that are not set while the one without which they mean nothing is."""
    lacking = [[field for field in pair if not getattr(settings, field)] for pair in _PAIRS]
    return [fields[0] for fields in lacking if len(fields) == 1]


def _describe(field: str, message: str) -> str:
    where = f"; it is {_WHERE[field]}" if field in _WHERE else ""
    return f"{field.upper()}: {message.removeprefix('Value error, ')}{where}"


def _missing(fields: tuple[str, ...]) -> str:
    return (
        " or ".join(field.upper() for field in fields)
        + ": missing; it is "
        + " or ".join(_WHERE[field] for field in fields)
    )
