"""What the environment and `.env` mean. What is said when they are wrong is `test_settings_errors`."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from ratingo_pipelines.settings import TRAKT_KEY, RateLimit, Settings, load_settings

pytest_plugins = ("ratingo_pipelines_tests.fixtures.environment",)
pytestmark = pytest.mark.usefixtures("bare_folder")

SECRETS = (
    "cron_secret",
    "cron_secret_previous",
    "ui_password",
    "trakt_client_id",
    "tmdb_access_token",
    "tmdb_api_key",
    "omdb_api_key",
)


# Defaults


def test_without_any_variable_everything_has_a_default(bare_folder: Path) -> None:
    settings = load_settings()

    assert settings.home == bare_folder / ".ratingo"
    assert settings.database.get_secret_value() == f"sqlite:///{bare_folder}/.ratingo/ratingo.db"
    assert settings.dagster == bare_folder / ".ratingo" / "dagster"
    assert settings.trakt_base_url == "https://api.trakt.tv"
    assert settings.tmdb_base_url == "https://api.themoviedb.org/3"
    assert settings.omdb_base_url == "https://www.omdbapi.com"
    assert settings.trending_limit == 100
    assert settings.airings_calendar_days == 30
    assert settings.airings_keep_days == 30
    assert settings.regions == ("UA", "US")
    assert settings.locales == ("uk-UA", "en-US")
    assert settings.anime_keywords == ("anime", "аніме")
    assert settings.anime_genre_ids == (16,)
    assert settings.trakt_rate_limit == RateLimit(500, 300)
    assert settings.tmdb_rate_limit == RateLimit(40, 1)
    assert settings.omdb_daily_limit == 1000
    assert [getattr(settings, name) for name in SECRETS] == [None] * len(SECRETS)


def test_reading_the_settings_creates_nothing(bare_folder: Path) -> None:
    load_settings()

    assert list(bare_folder.iterdir()) == []


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.trending_limit = 5  # type: ignore[misc]


# Where a value comes from


def test_a_value_comes_from_the_dotenv_file(dotenv: Callable[..., None]) -> None:
    dotenv("# a comment", "TRENDING_LIMIT=7", 'TRAKT_CLIENT_ID="abc#def"', "export REGIONS=PL", "OTHER=1")

    settings = load_settings([TRAKT_KEY])

    assert settings.trending_limit == 7
    assert settings.trakt_client_id == SecretStr("abc#def")
    assert settings.regions == ("PL",)


def test_the_environment_goes_before_the_dotenv_file(
    dotenv: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv("TRENDING_LIMIT=7", "CONCURRENCY=3")
    monkeypatch.setenv("TRENDING_LIMIT", "8")

    settings = load_settings()

    assert (settings.trending_limit, settings.concurrency) == (8, 3)


def test_what_the_caller_says_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDING_LIMIT", "8")

    assert load_settings(trending_limit=9).trending_limit == 9


def test_only_the_dotenv_file_of_the_working_directory_is_read(
    dotenv: Callable[..., None], bare_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv("TRENDING_LIMIT=7")
    (bare_folder / "below").mkdir()
    monkeypatch.chdir(bare_folder / "below")

    assert load_settings().trending_limit == 100


def test_names_of_variables_may_be_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("trending_limit", "8")

    assert load_settings().trending_limit == 8


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_counts_as_unset(
    name: str, dotenv: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    default = getattr(load_settings(), name)

    monkeypatch.setenv(name.upper(), "")
    assert getattr(load_settings(), name) == default

    dotenv(f"{name.upper()}=")
    assert getattr(load_settings(), name) == default


def test_an_empty_variable_does_not_hide_the_dotenv_file(
    dotenv: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv("TRENDING_LIMIT=7")
    monkeypatch.setenv("TRENDING_LIMIT", "")

    assert load_settings().trending_limit == 7


# Folders and the database


def test_the_home_is_absolute_and_stays_where_it_was_when_the_settings_were_read(
    bare_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATINGO_HOME", "here")
    monkeypatch.setenv("DAGSTER_HOME", "dagster-here")
    settings = load_settings()

    monkeypatch.chdir("/")

    assert settings.home == bare_folder / "here"
    assert settings.dagster == bare_folder / "dagster-here"
    assert settings.database.get_secret_value() == f"sqlite:///{bare_folder}/here/ratingo.db"


def test_the_home_of_the_user_is_understood(bare_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(bare_folder))
    monkeypatch.setenv("RATINGO_HOME", "~/ratingo")

    assert load_settings().home == bare_folder / "ratingo"


def test_two_homes_share_neither_database_nor_dagster(bare_folder: Path) -> None:
    one, two = load_settings(ratingo_home=bare_folder / "one"), load_settings(ratingo_home=bare_folder / "two")

    assert one.database != two.database
    assert one.dagster != two.dagster
    assert one.model_copy(update={"ratingo_home": two.home}).database == two.database


def test_dagster_home_is_respected_when_it_is_set(bare_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGO_HOME", str(bare_folder / "home"))
    assert load_settings().dagster == bare_folder / "home" / "dagster"

    monkeypatch.setenv("DAGSTER_HOME", str(bare_folder / "elsewhere"))
    assert load_settings().dagster == bare_folder / "elsewhere"


@pytest.mark.parametrize(
    "url",
    ["sqlite:///other.db", "postgres://u:p@host/db", "postgresql://host/db", "postgresql+psycopg2://host/db"],
)
def test_a_database_url_is_taken_as_it_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    assert load_settings().database.get_secret_value() == url


# Values with a form


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("500/300", RateLimit(500, 300)),
        ("40/1", RateLimit(40, 1)),
        (" 1000000 / 1 ", RateLimit(1_000_000, 1)),
    ],
)
def test_a_rate_limit_is_requests_in_seconds(text: str, limit: RateLimit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAKT_RATE_LIMIT", text)
    monkeypatch.setenv("TMDB_RATE_LIMIT", text)

    settings = load_settings()

    assert settings.trakt_rate_limit == settings.tmdb_rate_limit == limit
    assert RateLimit.parse(str(limit)) == limit


def test_lists_are_separated_by_commas_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGIONS", " PL, UA ,,DE,")
    monkeypatch.setenv("LOCALES", "uk-UA,pl-PL,de-DE")
    monkeypatch.setenv("ANIME_KEYWORDS", "anime,аніме , two words")
    monkeypatch.setenv("ANIME_GENRE_IDS", "16, 99")

    settings = load_settings()

    assert settings.regions == ("PL", "UA", "DE")
    assert settings.locales == ("uk-UA", "pl-PL", "de-DE")
    assert settings.anime_keywords == ("anime", "аніме", "two words")
    assert settings.anime_genre_ids == (16, 99)


def test_a_lone_comma_empties_the_anime_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIME_KEYWORDS", ",")
    monkeypatch.setenv("ANIME_GENRE_IDS", ",")

    settings = load_settings()

    assert (settings.anime_keywords, settings.anime_genre_ids) == ((), ())


@pytest.mark.parametrize("text", ["http://127.0.0.1:8080", "https://example.com/trakt/"])
def test_a_base_url_is_taken_as_it_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAKT_BASE_URL", f" {text} ")

    assert load_settings().trakt_base_url == text


@pytest.mark.parametrize(
    ("text", "value"), [("false", False), ("0", False), ("no", False), ("true", True), ("1", True)]
)
def test_the_cache_can_be_turned_off(text: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_CACHE", text)

    assert load_settings().http_cache is value


def test_a_key_copied_with_blanks_or_a_line_break_is_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAKT_CLIENT_ID", " key\n")

    assert load_settings([TRAKT_KEY]).trakt_client_id == SecretStr("key")


def test_settings_survive_being_handed_to_another_process() -> None:
    settings = load_settings(trakt_client_id="key", trakt_rate_limit="7/3")

    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301


# The example


def test_the_example_names_every_variable() -> None:
    example = (Path(__file__).parents[1] / ".env.example").read_text(encoding="utf-8")
    named = {line.lstrip("#").partition("=")[0].lower() for line in example.splitlines() if "=" in line}

    # One of TMDB's two keys is enough, and stands in a comment.
    assert Settings.model_fields.keys() - named == {"tmdb_api_key"}
