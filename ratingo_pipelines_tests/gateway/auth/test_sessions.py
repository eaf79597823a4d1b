"""Sessions and wrong attempts over time; time is a number that the test moves."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from itsdangerous import URLSafeSerializer
from starlette.datastructures import Headers

from ratingo_pipelines.gateway.auth.attempts import MOST_CLIENTS, Attempts, network_of
from ratingo_pipelines.gateway.auth.sessions import LIFETIME_SECONDS, LoginSession, Logouts, Sessions, cookies

NEW, OLD, OTHER = "n" * 32, "o" * 32, "x" * 32
BY = "UI_PASSWORD"


@dataclass
class Clock:
    """A time that stands still unless it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def read(sessions: Sessions, cookie: str) -> LoginSession:
    """A session that lives."""
    session = sessions.read(cookie)
    assert session is not None
    return session


def test_a_session_ends_after_its_time() -> None:
    clock = Clock()
    sessions = Sessions([NEW], now=clock)
    cookie = sessions.issue(BY)

    clock.now += LIFETIME_SECONDS - 2
    assert read(sessions, cookie).by == BY
    clock.now += 2
    assert sessions.read(cookie) is None


def test_a_session_cannot_be_changed_by_whoever_holds_it() -> None:
    sessions = Sessions([NEW])
    cookie = sessions.issue(BY)
    content = vars(read(sessions, cookie))
    body, _, signature = cookie.rpartition(".")
    longer = URLSafeSerializer("any", salt="ratingo session").dumps(content | {"ends_at": content["ends_at"] + 1})

    assert sessions.read(f"{longer.rpartition('.')[0]}.{signature}") is None
    assert sessions.read(f"{body}.{signature[:-1]}") is None
    assert sessions.read(longer) is None


def test_what_is_no_cookie_of_ours_is_no_session() -> None:
    sessions = Sessions([NEW])
    signed = sessions._serializer.dumps

    for value in [
        "",
        ".",
        "...",
        "v1",
        "v1.a.b",
        "v1.a.1." + "0" * 64,
        "ключ.",
        "\udcff.\udcff",
        signed("x"),
        signed({}),
    ]:
        assert sessions.read(value) is None


def test_a_session_survives_a_rotation_while_the_old_secret_is_known() -> None:
    logouts = Logouts()
    cookie = Sessions([OLD], logouts=logouts).issue(BY)

    assert Sessions([NEW, OLD], logouts=logouts).read(cookie) is not None
    assert Sessions([NEW], logouts=logouts).read(cookie) is None
    fresh = Sessions([NEW, OLD], logouts=logouts).issue(BY)
    assert Sessions([NEW], logouts=logouts).read(fresh) is not None


def test_a_session_survives_a_restart_but_no_change_of_the_password(tmp_path: Path) -> None:
    kept = tmp_path / "sessions.json"
    cookie = Sessions([NEW], "first password", Logouts(kept)).issue(BY)

    assert Sessions([NEW], "first password", Logouts(kept)).read(cookie) is not None
    assert Sessions([NEW], "second password", Logouts(kept)).read(cookie) is None
    assert Sessions([OTHER], "first password", Logouts(kept)).read(cookie) is None


def test_logged_out_stays_logged_out_across_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "sessions.json"
    sessions = Sessions([NEW], logouts=Logouts(kept))
    mine, others = sessions.issue(BY), sessions.issue(BY)

    sessions.revoke(read(sessions, mine))

    for after in (sessions, Sessions([NEW], logouts=Logouts(kept))):
        assert after.read(mine) is None
        assert after.read(others) is not None
    assert kept.stat().st_mode & 0o777 == 0o600


def test_where_nothing_is_kept_logging_out_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sessions = Sessions([NEW])

    sessions.revoke(read(sessions, sessions.issue(BY)))

    assert list(tmp_path.iterdir()) == []


def test_another_process_on_the_home_learns_of_a_logout(tmp_path: Path) -> None:
    first, second = (Sessions([NEW], logouts=Logouts(tmp_path / "sessions.json")) for _ in range(2))
    mine, others = first.issue(BY), second.issue(BY)

    second.revoke(read(second, mine))
    first.revoke(read(first, others))

    assert [sessions.read(cookie) for sessions in (first, second) for cookie in (mine, others)] == [None] * 4


def test_everybody_logged_out_stays_so_and_may_log_in_again(tmp_path: Path) -> None:
    kept = tmp_path / "sessions.json"
    sessions = Sessions([NEW], logouts=Logouts(kept))
    cookies = [sessions.issue(BY) for _ in range(3)]

    sessions.revoke_all()

    again = Sessions([NEW], logouts=Logouts(kept))
    assert [each.read(cookie) for each in (sessions, again) for cookie in cookies] == [None] * 6
    assert again.read(sessions.issue(BY)) is not None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"epoch": 1}', '{"epoch": "x", "ended": 1}', None])
def test_a_file_of_logouts_that_is_damaged_or_gone_logs_everybody_out(tmp_path: Path, damage: str | None) -> None:
    kept = tmp_path / "sessions.json"
    cookie = Sessions([NEW], logouts=Logouts(kept)).issue(BY)
    kept.unlink() if damage is None else kept.write_text(damage)

    sessions = Sessions([NEW], logouts=Logouts(kept))

    assert sessions.read(cookie) is None
    sessions.revoke_all()
    assert sessions.read(sessions.issue(BY)) is not None


def test_revoked_sessions_are_forgotten_once_they_would_be_over(tmp_path: Path) -> None:
    clock, kept = Clock(), tmp_path / "sessions.json"
    sessions = Sessions([NEW], logouts=Logouts(kept), now=clock)
    first = read(sessions, sessions.issue(BY))
    sessions.revoke(first)
    clock.now += LIFETIME_SECONDS
    second = read(sessions, sessions.issue(BY))
    sessions.revoke(second)

    assert not sessions.lives(first)
    assert not sessions.lives(second)
    assert first.name not in kept.read_text()
    assert second.name in kept.read_text()


def test_all_cookies_of_the_name_are_looked_at_and_under_https_only_those_no_other_host_can_set() -> None:
    headers = Headers(
        raw=[(b"cookie", b"a=b; ratingo_session=x; __Host-ratingo_session=y"), (b"cookie", b"ratingo_session=z")]
    )

    assert cookies(headers, "http") == ["x", "z"]
    assert cookies(headers, "ws") == ["x", "z"]
    assert cookies(headers, "https") == ["y"]
    assert cookies(Headers({"cookie": "; ".join(["ratingo_session=x"] * 99)}), "http") == ["x"] * 8


def test_wrong_attempts_are_forgiven_after_a_minute() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(10):
        attempts.failed("a")

    assert attempts.wait("a") == 60
    assert attempts.wait("b") == 0
    clock.now += 59
    assert attempts.wait("a") == 1
    clock.now += 1
    assert attempts.wait("a") == 0


def test_slow_guesses_never_have_to_wait() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(100):
        attempts.failed("a")
        clock.now += 6.1

    assert attempts.wait("a") == 0


def test_many_clients_take_no_more_than_so_much_memory() -> None:
    attempts = Attempts()
    for number in range(20_000):
        attempts.failed(str(number))

    assert len(attempts._failures) == 10_000


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv4_address_is_a_client_and_of_ipv6_a_network_of_64_bits(address: str, client: str) -> None:
    assert network_of(address) == client


def test_addresses_of_one_ipv6_network_are_counted_together() -> None:
    attempts = Attempts()
    for number in range(10):
        attempts.failed(f"2001:db8::{number:x}")

    assert attempts.wait("2001:db8::ffff") > 0
    assert attempts.wait("2001:db8:0:1::1") == 0


def test_past_the_most_clients_who_tried_longest_ago_is_forgotten() -> None:
    attempts = Attempts(lambda: 0.0)
    for client in ("first", "last"):
        for _ in range(10):
            attempts.failed(client)
    attempts.failed("first")
    for number in range(MOST_CLIENTS - 1):
        attempts.failed(f"client {number}")

    assert attempts.wait("first") == 60
    assert attempts.wait("last") == 0
