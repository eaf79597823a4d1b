"""Secrets that could be guessed are refused before anything starts, in a line that shows nothing of them."""

from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

import pytest

from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.secrets import open_secrets
from ratingo_pipelines.gateway.auth.weakness import weakness
from ratingo_pipelines.settings import Settings, SettingsError
from ratingo_pipelines_tests.gateway.served import PASSWORD, PREVIOUS, SECRET


def settings(home: Path, **given: Any) -> Settings:
    """An installation's settings."""
    home.mkdir(exist_ok=True)
    return Settings(_env_file=None, ratingo_home=home, **({"cron_secret": SECRET} | given))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRON_SECRET", ""),
        ("CRON_SECRET", "short"),
        ("CRON_SECRET", "x" * 64),
        ("CRON_SECRET", "ab" * 32),
        ("CRON_SECRET", "secret123456" * 4),
        ("CRON_SECRET", "0123456" * 8),
        ("CRON_SECRET", "changeme-changeme-changeme-and-more-of-it"),
        ("CRON_SECRET", "CHANGEME0f7e9b1c4a6d8e2f0a1b3c5d7e9f"),
        ("CRON_SECRET_PREVIOUS", "1" * 40),
        ("CRON_SECRET_PREVIOUS", SECRET),
        ("UI_PASSWORD", "eleven char"),
        ("UI_PASSWORD", "aaaaaaaaaaaa"),
        ("UI_PASSWORD", "mypassword123456"),
        ("UI_PASSWORD", SECRET),
    ],
)
def test_a_weak_secret_is_refused_in_one_line_that_does_not_show_it(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        open_secrets(settings(tmp_path / "home", **{name.lower(): value}))

    said = str(refusal.value)
    assert said.startswith(f"{name}: ")
    assert "\n" not in said
    assert "openssl rand -hex 32" in said
    assert not value or value not in said


def test_no_ready_secret_is_offered_that_somebody_could_read_in_the_log(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        open_secrets(settings(tmp_path / "home", cron_secret=""))

    assert not any(len(word) > 31 for word in str(refusal.value).split())


def test_random_secrets_and_a_sentence_are_strong_enough() -> None:
    for make in (token_hex, token_urlsafe):
        assert [weakness(make(32), {}) for _ in range(2000)] == [None] * 2000
    assert weakness("correct horse battery", {}) is None


def test_the_secrets_are_told_apart_by_name(tmp_path: Path) -> None:
    secrets = open_secrets(settings(tmp_path / "home", cron_secret_previous=PREVIOUS, ui_password=PASSWORD))

    told = [secrets.bearer(each) for each in (SECRET, PREVIOUS, PASSWORD, "wrong", b"\xff")]
    assert [(caller.name, caller.role) if caller else None for caller in told] == [
        ("CRON_SECRET", Role.ADMIN),
        ("CRON_SECRET_PREVIOUS", Role.ADMIN),
        None,
        None,
        None,
    ]
    assert [secrets.admits(each) for each in (SECRET, PREVIOUS, PASSWORD, "wrong")] == [True, True, True, False]


def test_a_session_of_the_password_ends_where_there_is_none_any_more(tmp_path: Path) -> None:
    with_password = open_secrets(settings(tmp_path / "home", ui_password=PASSWORD))
    cookie = with_password.log_in(PASSWORD)
    assert cookie is not None
    assert with_password.session([cookie]) is not None

    assert open_secrets(settings(tmp_path / "home")).session([cookie]) is None


def test_a_session_of_the_previous_secret_ends_with_it_also_where_there_is_a_password(tmp_path: Path) -> None:
    given = {"ui_password": PASSWORD}
    rotating = open_secrets(settings(tmp_path / "home", cron_secret_previous=PREVIOUS, **given))
    of_previous, of_secret = rotating.log_in(PREVIOUS), rotating.log_in(SECRET)
    assert of_previous is not None
    assert of_secret is not None

    rotated = open_secrets(settings(tmp_path / "home", **given))

    assert rotated.session([of_previous]) is None
    assert rotated.session([of_secret]) is not None


def test_who_logged_in_before_the_secret_was_rotated_stays_logged_in_while_the_previous_one_is_named(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    cookie = open_secrets(settings(home, cron_secret=PREVIOUS)).log_in(PREVIOUS)
    assert cookie

    rotated = open_secrets(settings(home, cron_secret_previous=PREVIOUS))
    principal = rotated.session([cookie])
    forgotten = open_secrets(settings(home))

    assert rotated.sessions.read(cookie) is not None
    assert principal is not None
    assert principal.role is Role.ADMIN
    assert forgotten.sessions.read(cookie) is None
