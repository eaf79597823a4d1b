"""What the doctor finds, on real installations: each thing that would keep a sync from going well, with its remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from ratingo_pipelines.doctor import Remark, Severity, examine, exit_code
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.engine import Database, open_database
from ratingo_pipelines.storage.pipeline_tables import version
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines_tests.sync.syncing import on_database

UrlFactory = Callable[..., str]
ITS_OWN = "https://api.trakt.tv"


def found(settings: Settings, about: str, *, offline: bool = False, **changes: Any) -> Remark:
    """The one remark about something."""
    changed = settings.model_copy(update=changes)
    [remark] = [remark for remark in examine(changed, offline=offline) if remark.about == about]
    return remark


def asked(sandbox: RunningSandbox, api: str) -> int:
    """How often an API was asked."""
    return int(sandbox.counters().get(api, {}).get("requests", 0))


def test_where_all_is_well_only_what_does_not_run_here_is_a_warning(settings: Settings, database_url: str) -> None:
    remarks = list(examine(on_database(settings, database_url), offline=False))
    severities = {remark.about: remark.severity for remark in remarks}
    expected = {"versions", "disk", "home", "database", "Trakt", "TMDB", "OMDb", "clock"}
    assert {about for about in expected if severities[about] is Severity.OK} == expected
    assert {about for about, severity in severities.items() if severity is not Severity.OK} == {"Dagster", "door"}
    assert exit_code(remarks) == 1


def test_each_remark_that_is_not_ok_says_what_to_do(settings: Settings) -> None:
    lacking = settings.model_copy(update={"trakt_client_id": None, "tmdb_access_token": None, "omdb_api_key": None})
    remarks = [remark for remark in examine(lacking, offline=True) if remark.severity is not Severity.OK]
    assert len(remarks) >= 4
    assert [remark.about for remark in remarks if not remark.remedy] == []


def test_offline_nobody_is_asked_and_nothing_is_made(settings: Settings, sandbox: RunningSandbox) -> None:
    remarks = list(examine(settings, offline=True))
    assert {"Trakt", "TMDB", "OMDb", "clock"} & {remark.about for remark in remarks} == set()
    assert sum(asked(sandbox, api) for api in ("trakt", "tmdb", "omdb")) == 0
    assert not settings.home.exists()


@pytest.mark.parametrize(
    ("key", "about", "severity"),
    [
        ("trakt_client_id", "Trakt's key", Severity.WARNING),
        ("tmdb_access_token", "TMDB's key", Severity.WRONG),
        ("omdb_api_key", "OMDb's key", Severity.WARNING),
    ],
)
def test_a_key_that_is_not_set_is_named_with_where_it_comes_from(
    settings: Settings, key: str, about: str, severity: Severity
) -> None:
    remark = found(settings, about, offline=True, **{key: None})
    assert remark.severity is severity
    assert key.upper() in remark.said
    assert "https://" in (remark.remedy or "")


@pytest.mark.parametrize(
    ("key", "severity"), [("a" * 64, Severity.OK), ("a" * 40, Severity.WARNING), ("z" * 64, Severity.WARNING)]
)
def test_a_keys_form_is_judged_where_the_api_itself_is_asked(settings: Settings, key: str, severity: Severity) -> None:
    given: dict[str, Any] = {"trakt_client_id": SecretStr(key)}
    remark = found(settings, "Trakt's key", offline=True, trakt_base_url=ITS_OWN, **given)
    assert remark.severity is severity
    assert key not in f"{remark.said} {remark.remedy}"
    assert found(settings, "Trakt's key", offline=True, **given).severity is Severity.OK


@pytest.mark.parametrize(
    ("changes", "about", "severity", "said"),
    [
        ({"trakt_client_id": SecretStr("w" * 64)}, "Trakt", Severity.WARNING, "TRAKT_CLIENT_ID is wrong or revoked"),
        ({"tmdb_access_token": SecretStr("w" * 64)}, "TMDB", Severity.WRONG, "TMDB_ACCESS_TOKEN"),
        ({"omdb_api_key": SecretStr("wwwwwwww")}, "OMDb", Severity.WARNING, "OMDB_API_KEY"),
        ({"tmdb_base_url": "/tmdb"}, "TMDB", Severity.WRONG, "TMDB_BASE_URL"),
        ({"trakt_base_url": "/elsewhere"}, "Trakt", Severity.WARNING, "TRAKT_BASE_URL"),
    ],
)
def test_what_an_api_refuses_is_told_by_one_call(
    settings: Settings, sandbox: RunningSandbox, changes: dict[str, Any], about: str, severity: Severity, said: str
) -> None:
    given: dict[str, Any] = {
        name: sandbox.url + value if isinstance(value, str) and value.startswith("/") else value
        for name, value in changes.items()
    }
    remark = found(settings, about, **given)
    assert (remark.severity, said in remark.said) == (severity, True), remark


def test_omdbs_call_counts_and_is_not_made_once_the_day_is_spent(
    settings: Settings, database_url: str, sandbox: RunningSandbox
) -> None:
    placed = on_database(settings, database_url)
    assert found(placed, "OMDb", omdb_daily_limit=1).severity is Severity.OK
    assert found(placed, "OMDb", omdb_daily_limit=1).said.endswith("not asked: today's requests are spent")
    assert asked(sandbox, "omdb") == 1


@pytest.mark.parametrize(
    ("ahead", "severity"), [(0, Severity.OK), (900, Severity.WARNING), (-900, Severity.WARNING), (7200, Severity.WRONG)]
)
def test_the_clock_is_compared_with_trakts(
    settings: Settings, sandbox: RunningSandbox, ahead: int, severity: Severity
) -> None:
    sandbox.control("epoch", {"clock_ahead": ahead})
    assert found(settings, "clock").severity is severity


def test_a_database_that_is_not_there_yet_is_well_and_is_not_made(settings: Settings) -> None:
    remark = found(settings, "database", offline=True)
    assert (remark.severity, remark.said.endswith("does not exist yet: the first sync makes it")) == (Severity.OK, True)
    assert not (settings.home / "ratingo.db").exists()


def test_a_database_that_is_gone_is_wrong(settings: Settings) -> None:
    database = open_database(settings)
    upgrade(database)
    database.dispose()
    Path(str(database.url.database)).unlink()
    assert found(settings, "database", offline=True).severity is Severity.WRONG


def test_an_outdated_schema_is_wrong_and_a_difference_a_warning(settings: Settings, database_url: str) -> None:
    database, placed = Database(database_url), on_database(settings, database_url)
    with database.writing() as conn:
        conn.execute(text("DROP INDEX tmdb_id_idx"))
    differing = [remark for remark in examine(placed, offline=True) if remark.about == "database"]
    assert [remark.severity for remark in differing] == [Severity.OK, Severity.WARNING]
    with database.writing() as conn:
        conn.execute(update(version).values(version_num="0001"))
    remark = found(placed, "database", offline=True)
    assert (remark.severity, "run `ratingo db upgrade`" in remark.said) == (Severity.WRONG, True)
    database.dispose()


def test_a_server_that_does_not_answer_is_wrong_and_no_password_is_told(settings: Settings) -> None:
    url = SecretStr("postgresql://me:s3cret-one@127.0.0.1:1/site")
    remark = found(settings, "database", offline=True, database_url=url)
    assert remark.severity is Severity.WRONG
    assert "s3cret-one" not in remark.said


def test_rights_that_are_lacking_are_named(settings: Settings, postgres_url: UrlFactory) -> None:
    owner = Database(postgres_url())
    with owner.writing() as conn:
        conn.execute(text("CREATE ROLE looks_only LOGIN"))
        for schema in ("public", "pipeline"):
            conn.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO looks_only"))
            conn.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO looks_only"))
    url = owner.url.set(username="looks_only").render_as_string(hide_password=False)
    try:
        remark = found(settings, "rights", offline=True, database_url=SecretStr(url))
        assert remark.severity is Severity.WRONG
        assert "INSERT on " in remark.said
        assert "SELECT on " not in remark.said
    finally:
        with owner.writing() as conn:
            conn.execute(text("DROP OWNED BY looks_only"))
            conn.execute(text("DROP ROLE looks_only"))
        owner.dispose()


@pytest.mark.parametrize(
    ("severities", "code"),
    [
        ([], 0),
        ([Severity.OK], 0),
        ([Severity.OK, Severity.WARNING], 1),
        ([Severity.WARNING, Severity.WRONG, Severity.OK], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst(severities: list[Severity], code: int) -> None:
    assert exit_code(Remark("something", severity, "so") for severity in severities) == code
