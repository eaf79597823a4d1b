"""The file of named tokens, while people and the command line change it."""

import logging
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.tokens import (
    TOKEN,
    Tokens,
    add_token,
    check_tokens,
    parse_end,
    read_tokens,
    remove_token,
)
from ratingo_pipelines.settings import SettingsError

DIGEST = sha256(b"a token").hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "tokens"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """What a person writes."""
    path.write_text(text)
    path.chmod(mode)


def test_a_token_is_found_with_its_name_and_role_and_kept_nowhere(path: Path) -> None:
    token = add_token(path, "nightly", Role.TRIGGER)

    found = Tokens(path).find(token)
    assert found is not None
    assert (str(found.principal), found.role) == ("token nightly", Role.TRIGGER)
    assert TOKEN.fullmatch(token)
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir() if token in each.read_text()] == []


@pytest.mark.parametrize("other", ["", "x", DIGEST, "rtg_" + "A" * 43])
def test_nothing_else_is_a_token(path: Path, other: str) -> None:
    add_token(path, "nightly", Role.TRIGGER)

    assert Tokens(path).find(other) is None


def test_the_file_is_read_anew_when_it_changes(path: Path) -> None:
    tokens = Tokens(path)
    assert tokens.find("a token") is None

    write(path, f"# by hand\n\nnightly trigger {DIGEST}\n")
    assert tokens.find("a token") is not None
    write(path, f"nightly read   {DIGEST}\n")
    found = tokens.find("a token")
    assert found is not None
    assert found.role is Role.READ
    path.unlink()
    assert tokens.find("a token") is None


def test_a_token_ends_at_its_end(path: Path) -> None:
    now = datetime(2027, 1, 30, 23, 59, 59, tzinfo=UTC)
    write(path, f"nightly trigger {DIGEST} 2027-01-31\n")

    assert Tokens(path, lambda: now).find("a token") is not None
    assert Tokens(path, lambda: now + timedelta(seconds=1)).find("a token") is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T06:00:00Z", datetime(2027, 1, 31, 6, tzinfo=UTC)),
        ("2027-01-31T06:00:00+02:00", datetime(2027, 1, 31, 4, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_day_or_a_moment(path: Path, text: str, moment: datetime) -> None:
    assert parse_end(text) == moment
    add_token(path, "nightly", Role.READ, parse_end(text))
    assert read_tokens(path)[0].ends_at == moment


@pytest.mark.parametrize(
    "line",
    [
        "nightly",
        "nightly trigger",
        f"nightly root {DIGEST}",
        f"nightly TRIGGER {DIGEST}",
        f"nightly trigger {DIGEST[:-1]}",
        f"nightly trigger {DIGEST.upper()}",
        f"nightly trigger {DIGEST} tomorrow",
        f"nightly trigger {DIGEST} 2027-01-31 more",
        f"-x trigger {DIGEST}",
        "nightly trigger a token",
    ],
)
def test_a_wrong_line_is_named_at_the_start_and_later_opens_nothing(
    path: Path, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = sha256(b"another").hexdigest()
    write(path, f"# heading\n{line}\nother read {good}\n")

    with pytest.raises(SettingsError, match="line 2"):
        check_tokens(path)
    with caplog.at_level(logging.WARNING):
        tokens = Tokens(path)
    assert tokens.find("a token") is None
    assert tokens.find("another") is not None
    assert "line 2" in caplog.text
    assert DIGEST not in caplog.text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
    write(path, f"nightly trigger {DIGEST}\n", mode)

    with pytest.raises(SettingsError, match="chmod 600"):
        check_tokens(path)
    tokens = Tokens(path)
    assert tokens.find("a token") is None
    assert "chmod 600" in caplog.text
    path.chmod(0o600)
    assert tokens.find("a token") is not None


def test_names_are_given_once_and_are_names(path: Path) -> None:
    first = add_token(path, "nightly", Role.TRIGGER)

    with pytest.raises(SettingsError, match="already"):
        add_token(path, "nightly", Role.READ)
    for name in ("", "a b", "#x", "a\nb admin", "-x", "x" * 65, "ключ"):
        with pytest.raises(SettingsError, match="no name"):
            add_token(path, name, Role.READ)
    assert Tokens(path).find(first) is not None
    assert len(read_tokens(path)) == 1


def test_a_token_that_is_removed_is_gone_and_the_others_stay_as_they_were(path: Path) -> None:
    write(path, "# mine\n")
    first, second = (add_token(path, name, Role.READ) for name in ("night", "nightly"))

    remove_token(path, "night")

    tokens = Tokens(path)
    assert tokens.find(first) is None
    assert tokens.find(second) is not None
    assert path.read_text().startswith("# mine\n")
    with pytest.raises(SettingsError, match="no token night"):
        remove_token(path, "night")


def test_a_new_token_of_an_old_name_is_another_one(path: Path) -> None:
    add_token(path, "anna", Role.READ)
    [old] = read_tokens(path)
    remove_token(path, "anna")
    add_token(path, "anna", Role.READ)

    tokens = Tokens(path)
    assert tokens.named("anna", old.fingerprint) is None
    assert tokens.named("anna", read_tokens(path)[0].fingerprint) is not None
