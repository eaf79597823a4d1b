"""What is said when the environment is wrong: everything at once, and no secret."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ratingo_pipelines.settings import (
    TMDB_KEY,
    TRAKT_KEY,
    UPSTREAM_KEYS,
    Settings,
    SettingsError,
    load_settings,
)

pytest_plugins = ("ratingo_pipelines_tests.fixtures.environment",)
pytestmark = pytest.mark.usefixtures("bare_folder")

CANARY = "canary-7f3a9c"
SECRETS = (
    "alert_telegram_token",
    "cron_secret",
    "cron_secret_previous",
    "ui_password",
    "trakt_client_id",
    "tmdb_access_token",
    "tmdb_api_key",
    "omdb_api_key",
)


def problems_of(error: pytest.ExceptionInfo[SettingsError]) -> list[str]:
    """The message's lines, one a wrong variable, without the headline."""
    return [line.strip() for line in str(error.value).splitlines()[1:]]


# One error about everything that is wrong

MALFORMED = [
    ("TRENDING_LIMIT", "many", "Input should be a valid integer"),
    ("TRENDING_LIMIT", "0", "Input should be greater than or equal to 1"),
    ("TRENDING_LIMIT", "1001", "Input should be less than or equal to 1000"),
    ("AIRINGS_CALENDAR_DAYS", "1.5", "Input should be a valid integer"),
    ("AIRINGS_KEEP_DAYS", "-1", "Input should be greater than or equal to 0"),
    ("CONCURRENCY", "0", "Input should be greater than or equal to 1"),
    ("OMDB_DAILY_LIMIT", "-1", "Input should be greater than or equal to 0"),
    ("HTTP_TIMEOUT_SECONDS", "0", "Input should be greater than 0"),
    ("HTTP_TIMEOUT_SECONDS", "inf", "Input should be a finite number"),
    ("RETRY_AFTER_CAP_SECONDS", "nan", "Input should be a finite number"),
    ("HTTP_CACHE", "perhaps", "Input should be a valid boolean"),
    ("LEASE_SECONDS", "soon", "Input should be a valid integer"),
    ("ANIME_GENRE_IDS", "16,animation", "Input should be a valid integer"),
    ("ANIME_MEDIA", "shows,books", "Input should be 'shows' or 'movies'"),
    ("REGIONS", "UA,us", "must be one or more, such as UA,US"),
    ("REGIONS", ",", "must be one or more, such as UA,US"),
    ("LOCALES", ",", "must be one or more, such as uk-UA,en-US"),
    ("LOCALES", "uk-UA,english", "must be one or more, such as uk-UA,en-US"),
    ("TMDB_RATE_LIMIT", "40", "must be REQUESTS/SECONDS, such as 500/300"),
    ("TRAKT_BASE_URL", "api.trakt.tv", "must be an http:// or https:// URL"),
    ("TMDB_BASE_URL", "ftp://example.com", "must be an http:// or https:// URL"),
    ("OMDB_BASE_URL", "http://two words", "must be an http:// or https:// URL"),
    ("OMDB_BASE_URL", "http://host:port", "must be an http:// or https:// URL"),
    ("OMDB_BASE_URL", "http://user:password@host", "must be an http:// or https:// URL"),
    ("OMDB_BASE_URL", "https://host/?apikey=1", "must be an http:// or https:// URL"),
    ("OMDB_BASE_URL", "https://", "must be an http:// or https:// URL"),
    ("DATABASE_URL", "mysql://host/db", "must begin with postgresql:// or sqlite:///"),
    ("DATABASE_URL", "ratingo.db", "must begin with postgresql:// or sqlite:///"),
    ("RATINGO_HOME", "~nobody-of-that-name/x", "begins with the home of a user that this machine does not know"),
    ("DAGSTER_HOME", "~nobody-of-that-name/x", "begins with the home of a user that this machine does not know"),
    ("RATINGO_TOKENS_FILE", "~nobody-of-that-name/x", "begins with the home of a user that this machine does not know"),
    ("RATINGO_TOKENS_FILE", "/", "must be a file, and is a folder"),
    ("AUDIT_TO_LOG", "perhaps", "Input should be a valid boolean"),
]


@pytest.mark.parametrize(("name", "value", "says"), MALFORMED)
@pytest.mark.parametrize("where", ["environment", "dotenv"])
def test_a_malformed_variable_is_named_with_what_it_should_be(
    name: str,
    value: str,
    says: str,
    where: str,
    dotenv: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if where == "environment":
        monkeypatch.setenv(name, value)
    else:
        dotenv(f'{name}="{value}"')

    with pytest.raises(SettingsError) as error:
        load_settings()

    (problem,) = problems_of(error)
    assert problem.startswith(f"{name}: {says}")


def test_one_error_names_every_malformed_and_every_missing_variable(
    dotenv: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv("TRENDING_LIMIT=many", "OMDB_BASE_URL=nowhere")
    monkeypatch.setenv("TRAKT_RATE_LIMIT", "fast")

    with pytest.raises(SettingsError) as error:
        load_settings(UPSTREAM_KEYS)

    named = {problem.partition(":")[0] for problem in problems_of(error)}
    assert named == {
        "TRENDING_LIMIT",
        "OMDB_BASE_URL",
        "TRAKT_RATE_LIMIT",
        "TMDB_ACCESS_TOKEN or TMDB_API_KEY",
    }


def test_a_missing_key_is_named_with_the_page_it_comes_from() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(UPSTREAM_KEYS, trending_source="trakt")

    trakt, tmdb = problems_of(error)
    assert "https://trakt.tv/oauth/applications" in trakt
    assert tmdb.count("https://www.themoviedb.org/settings/api") == 2


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_key_is_missing(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAKT_CLIENT_ID", blank)

    with pytest.raises(SettingsError, match="TRAKT_CLIENT_ID: missing"):
        load_settings([TRAKT_KEY])


def test_a_blank_optional_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMDB_API_KEY", "  ")

    assert load_settings().omdb_api_key is None


@pytest.mark.parametrize("name", ["TMDB_ACCESS_TOKEN", "TMDB_API_KEY"])
def test_either_key_of_tmdb_will_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "key")

    assert load_settings([TMDB_KEY])


def test_nothing_is_required_that_the_caller_can_do_without() -> None:
    assert load_settings()


def test_a_dotenv_file_in_another_encoding_is_refused_without_being_shown(bare_folder: Path) -> None:
    (bare_folder / ".env").write_bytes(f"OMDB_API_KEY={CANARY}\n# \xff".encode("latin-1"))

    with pytest.raises(SettingsError, match=r"\.env: must be text in UTF-8") as error:
        load_settings()

    assert CANARY not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("text", ["500", "500/", "/300", "0/300", "500/0", "-1/300", "1.5/2", "a/b", "500/300/1"])
def test_anything_else_is_no_rate_limit(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAKT_RATE_LIMIT", text)

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert problems_of(error) == ["TRAKT_RATE_LIMIT: must be REQUESTS/SECONDS, such as 500/300"]


def test_a_home_that_is_a_file_is_refused(bare_folder: Path) -> None:
    (bare_folder / "file").touch()

    with pytest.raises(SettingsError) as error:
        load_settings(ratingo_home=bare_folder / "file", dagster_home=bare_folder / "file")

    assert problems_of(error) == [
        "RATINGO_HOME: must be a folder, and is a file",
        "DAGSTER_HOME: must be a folder, and is a file",
    ]


# Secrets


@pytest.fixture(params=["environment", "dotenv", "caller"])
def secretive(
    request: pytest.FixtureRequest, dotenv: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The canary in every secret; what to hand to `load_settings` so that it is read from there."""
    secrets = dict.fromkeys(SECRETS, CANARY)
    secrets |= {"database_url": f"postgresql://ratingo:{CANARY}@host/db", "alert_telegram_chat": "-1"}
    if request.param == "caller":
        return secrets
    if request.param == "dotenv":
        dotenv(*(f"{name.upper()}={value}" for name, value in secrets.items()))
    else:
        for name, value in secrets.items():
            monkeypatch.setenv(name.upper(), value)
    return {}


def test_secrets_are_there_for_who_asks_and_are_printed_nowhere(secretive: dict[str, Any]) -> None:
    settings = load_settings(**secretive)

    for name in SECRETS:
        assert getattr(settings, name).get_secret_value() == CANARY
    assert CANARY in settings.database.get_secret_value()
    printed = [
        repr(settings),
        str(settings),
        f"{settings}",
        settings.model_dump_json(),
        json.dumps(settings.model_dump(mode="json"), default=str),
        repr(settings.model_dump()),
        repr(settings.database),
        str(settings.database),
        repr(vars(settings)),
    ]
    assert [text for text in printed if CANARY in text] == []


def test_an_error_about_other_variables_does_not_print_secrets(
    secretive: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDING_LIMIT", "many")

    with pytest.raises(SettingsError) as error:
        load_settings([("airings_keep_days",), *UPSTREAM_KEYS], **secretive)

    assert CANARY not in "".join(traceback.format_exception(error.value))
    assert [problem.partition(":")[0] for problem in problems_of(error)] == ["TRENDING_LIMIT"]


ANY_TEXT = (*SECRETS, "ratingo_home", "dagster_home", "ratingo_tokens_file", "anime_keywords")


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields if name not in ANY_TEXT])
@pytest.mark.parametrize("read", [load_settings, Settings])
def test_a_secret_in_the_wrong_variable_is_not_printed_with_the_error(
    name: str, read: Callable[[], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"{CANARY}?")

    with pytest.raises((SettingsError, ValidationError)) as error:
        read()

    assert CANARY not in "".join(traceback.format_exception(error.value))
    assert CANARY not in repr(error.value)
