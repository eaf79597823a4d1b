"""Sessions and wrong attempts over time; time is a number that the test moves."""

from dataclasses import dataclass

from ratingo_pipelines.gateway.auth.attempts import Attempts
from ratingo_pipelines.gateway.auth.sessions import LIFETIME_SECONDS, Sessions

NEW, OLD, OTHER = "n" * 32, "o" * 32, "x" * 32


@dataclass
class Clock:
    """A time that stands still unless it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_after_its_time() -> None:
    clock = Clock()
    sessions = Sessions([NEW], now=clock)
    cookie = sessions.issue()

    clock.now += LIFETIME_SECONDS - 2
    assert sessions.read(cookie) is not None
    clock.now += 2
    assert sessions.read(cookie) is None


def test_a_session_cannot_be_prolonged_by_whoever_holds_it() -> None:
    sessions = Sessions([NEW])
    version, name, ends_at, signature = sessions.issue().split(".")

    assert sessions.read(f"{version}.{name}.{int(ends_at) + 1}.{signature}") is None


def test_what_is_no_cookie_of_ours_is_no_session() -> None:
    sessions = Sessions([NEW])

    for value in ["", ".", "...", "v1", "v1.a.b", "v1.a.1." + "0" * 64, "ключ.", "\udcff.\udcff"]:
        assert sessions.read(value) is None


def test_a_session_survives_a_rotation_while_the_old_secret_is_known() -> None:
    cookie = Sessions([OLD]).issue()

    assert Sessions([NEW, OLD]).read(cookie) is not None
    assert Sessions([NEW]).read(cookie) is None


def test_a_session_survives_a_restart_but_no_change_of_the_password() -> None:
    cookie = Sessions([NEW], "first password").issue()

    assert Sessions([NEW], "first password").read(cookie) is not None
    assert Sessions([NEW], "second password").read(cookie) is None
    assert Sessions([OTHER], "first password").read(cookie) is None


def test_revoked_sessions_are_forgotten_once_they_would_be_over() -> None:
    clock = Clock()
    sessions = Sessions([NEW], now=clock)
    first = sessions.read(sessions.issue())
    assert first is not None
    sessions.revoke(first)
    clock.now += LIFETIME_SECONDS
    second = sessions.read(sessions.issue())
    assert second is not None
    sessions.revoke(second)

    assert not sessions.lives(first)
    assert not sessions.lives(second)
    assert len(sessions._revoked) == 1


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
