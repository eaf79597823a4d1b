"""In and out by the browser's way."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ratingo_pipelines.gateway.app import TRIGGERS
from ratingo_pipelines.gateway.pages.login import local_path
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, PASSWORD, SECRET, Served


def test_the_page_asks_for_the_secret_and_loads_nothing_from_elsewhere(gateway: Served) -> None:
    answer = gateway.ask("/login", headers=BROWSER)

    assert answer.status_code == 200
    assert 'name="secret"' in answer.text
    assert "CRON_SECRET" in answer.text
    assert "//" not in answer.text.replace("<!doctype", "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_secret_is_taken_for_a_cookie_that_scripts_and_other_sites_cannot_use(gateway: Served) -> None:
    answer = gateway.log_in()

    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert answer.status_code == 303
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert any(part.startswith("max-age=") for part in attributes)
    assert SECRET not in answer.headers["set-cookie"]


def test_after_the_login_the_browser_goes_where_it_wanted(gateway: Served) -> None:
    answer = gateway.ask("/login", "POST", data={"secret": SECRET, "next": "/runs?view=queued"})

    assert answer.headers["location"] == "/runs?view=queued"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "///evil.example",
        "/%0a/evil.example",
        "/a/../../evil.example",
        "/login",
        "/logout",
        "/logout?everywhere=yes",
        "/logout/",
        "/%6cogout",
        "/api%2fsync/trending",
        *sorted(TRIGGERS),
        *(f"{path}?wait=0" for path in sorted(TRIGGERS)),
        "/api/sync/%74rending",
    ],
)
def test_the_login_sends_nobody_to_another_site_to_a_trigger_or_out_again(wanted: str) -> None:
    assert local_path(wanted, TRIGGERS) == ""


@pytest.mark.parametrize(
    "wanted",
    ["/", "/runs?view=queued", "/api/sync/trending/status", "/api/docs", "/asset-groups~key%3A%22shows%2Fdetails%22"],
)
def test_the_login_sends_people_where_they_wanted(wanted: str) -> None:
    assert local_path(wanted, TRIGGERS) == wanted


def test_where_the_browser_wanted_to_go_cannot_break_out_of_the_page(gateway: Served) -> None:
    answer = gateway.ask("/login", params={"next": '/"><script>alert(1)</script>'})

    assert "<script>" not in answer.text


@pytest.mark.parametrize("given", ["", "wrong", SECRET[:-1], SECRET + "x"])
def test_a_wrong_secret_is_asked_for_again(gateway: Served, given: str) -> None:
    answer = gateway.log_in(given)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'name="secret"' in answer.text


def test_the_password_opens_the_ui_where_there_is_one(new_gateway: Callable[..., Served]) -> None:
    gateway = new_gateway(password=PASSWORD)

    assert gateway.log_in(PASSWORD).status_code == 303
    assert gateway.log_in(SECRET).status_code == 303


class Naps:
    """How long answers were put off."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def test_from_the_tenth_wrong_password_on_answers_are_slow_and_the_right_one_is_not(
    new_gateway: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = Naps()
    monkeypatch.setattr("ratingo_pipelines.gateway.pages.login.nap", naps)
    gateway = new_gateway(password=PASSWORD)

    assert [gateway.log_in("guess").status_code for _ in range(12)] == [401] * 12
    assert naps.taken == [2.0, 2.0]
    assert gateway.log_in(PASSWORD).status_code == 303
    assert gateway.log_in(SECRET).status_code == 303
    assert naps.taken == [2.0, 2.0]


def test_wrong_passwords_and_wrong_bearer_secrets_are_counted_apart(
    new_gateway: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = Naps()
    monkeypatch.setattr("ratingo_pipelines.gateway.pages.login.nap", naps)
    gateway = new_gateway(password=PASSWORD)
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(10):
        gateway.ask("/readyz", headers=wrong)

    gateway.log_in("guess")

    assert naps.taken == []
    assert gateway.ask("/readyz", headers=wrong).status_code == 429


def test_another_site_may_not_log_anybody_in(gateway: Served) -> None:
    assert gateway.log_in(headers={"Origin": "https://evil.example"}).status_code == 403
    assert gateway.log_in(headers={"Origin": gateway.url}).status_code == 303


def test_a_form_that_does_not_end_is_not_read_to_its_end(gateway: Served) -> None:
    answer = gateway.ask("/login", "POST", data={"secret": SECRET, "next": "/" + "x" * 100_000})

    assert answer.status_code == 401


def test_whoever_wants_to_log_out_is_asked_first(gateway: Served) -> None:
    cookie = gateway.cookie()

    answer = gateway.ask("/logout", headers=cookie | BROWSER)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert answer.text.count("<button") == 2
    assert gateway.ask("/", headers=cookie | BROWSER).status_code == 200


def test_logging_out_ends_the_session_wherever_its_cookie_was_copied_to(gateway: Served) -> None:
    mine, others = gateway.page(), gateway.page()
    assert gateway.ask("/", headers=mine | BROWSER).status_code == 200

    answer = gateway.ask("/logout", "POST", headers=mine)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert 'ratingo_session=""' in answer.headers["set-cookie"]
    assert gateway.ask("/", headers=mine | BROWSER).status_code == 303
    assert gateway.ask("/", headers=others | BROWSER).status_code == 200


def test_everybody_can_be_logged_out(gateway: Served) -> None:
    pages = [gateway.page() for _ in range(3)]

    gateway.ask("/logout", "POST", headers=pages[0], data={"everywhere": "yes"})

    assert [gateway.ask("/", headers=page | BROWSER).status_code for page in pages] == [303] * 3
    assert gateway.ask("/", headers=gateway.page() | BROWSER).status_code == 200


def test_logged_out_stays_logged_out_across_a_restart(new_gateway: Callable[..., Served], tmp_path: Path) -> None:
    before = new_gateway(logouts=tmp_path / "sessions.json")
    mine, others = before.cookie(), before.cookie()
    before.ask("/logout", "POST", headers=mine | {"Origin": before.url})

    after = new_gateway(logouts=tmp_path / "sessions.json")

    assert after.ask("/", headers=mine | BROWSER).status_code == 303
    assert after.ask("/", headers=others | BROWSER).status_code == 200


def test_a_logout_that_cannot_be_kept_is_none_and_says_so(new_gateway: Callable[..., Served], tmp_path: Path) -> None:
    kept = tmp_path / "home" / "sessions.json"
    kept.parent.mkdir()
    gateway = new_gateway(logouts=kept)
    page = gateway.page()
    kept.parent.rename(tmp_path / "gone")

    answer = gateway.ask("/logout", "POST", headers=page)

    assert (answer.status_code, "set-cookie" in answer.headers) in {(500, False), (303, False)}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "foreign",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {}],
)
def test_another_site_can_log_nobody_out(gateway: Served, foreign: dict[str, str], method: str) -> None:
    cookie = gateway.cookie()

    answer = gateway.ask("/logout", method, headers=cookie | foreign)

    assert "set-cookie" not in answer.headers
    assert gateway.ask("/", headers=cookie | BROWSER).status_code == 200


def test_logging_out_without_a_session_is_no_error(gateway: Served) -> None:
    assert gateway.ask("/logout").status_code == 303
    assert gateway.ask("/logout", "POST", headers=BEARER).status_code == 303
