"""What a chat is told, in the forms that chats take, and that no markup of strangers reaches one."""

import json
from typing import Any

import pytest
from werkzeug import Request, Response

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import SourceUnavailable
from ratingo_pipelines.sources.recipients import recipients, send_alert
from ratingo_pipelines_tests.answering import answering

SECRET_PATH = "/hooks/secret-part"
AWAY = "http://127.0.0.1:1"
BOT = {"alert_telegram_token": "123:secret-part", "alert_telegram_chat": "-100123"}


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def posts(*lines: str) -> list[dict[str, Any]]:
    """What the receiver was sent."""
    received: list[dict[str, Any]] = []

    def receive(request: Request) -> Response:
        received.append(json.loads(request.data))
        return Response("ok")

    with answering(receive) as url:
        send_alert(recipients(settings(alert_webhook_url=url + SECRET_PATH)), lines)
    return received


def told(*lines: str) -> dict[str, Any]:
    """What the receiver was sent in one post."""
    [one] = posts(*lines)
    return one


def test_every_chat_finds_the_lines_where_it_looks_for_them() -> None:
    assert told("First: run `ratingo status`.", "Second.") == {
        "text": "First: run `ratingo status`.\nSecond.",
        "content": "First: run `ratingo status`.\nSecond.",
        "allowed_mentions": {"parse": []},
        "problems": ["First: run `ratingo status`.", "Second."],
    }


@pytest.mark.parametrize(
    "stranger", ["<!channel>", "<@U123>", "<https://evil.test|click>", "a & b", "@everyone", "@channel", "@here"]
)
def test_nobody_is_called_by_what_a_source_says(stranger: str) -> None:
    found = told(f"TMDB: {stranger}")
    assert not {"<", ">"} & set(found["text"])
    assert stranger.count("&") == found["text"].count("&amp;")
    for form in ("text", "content"):
        assert "@e" not in found[form]
        assert "@c" not in found[form]
        assert "@h" not in found[form]
        assert "@U" not in found[form]
    assert found["problems"] == [f"TMDB: {stranger}"]


def test_no_link_and_no_picture_is_made_of_what_a_source_says() -> None:
    found = told("TMDB: ![](http://evil.test/seen.png) and [click](http://evil.test)")
    assert all("](" not in found[form] for form in ("text", "content"))


def test_what_is_too_long_for_discord_comes_in_several_posts_with_every_line() -> None:
    lines = [f"{number}: " + "x" * 90 for number in range(50)]
    sent = posts(*lines)
    assert len(sent) > 1
    assert [line for post in sent for line in post["problems"]] == lines
    assert max(len(post["content"]) for post in sent) <= 2000


def test_a_line_that_is_longer_than_a_post_is_cut() -> None:
    sent = posts("first", "@" * 5_000, "last")
    assert [line[-1] for post in sent for line in post["problems"]] == ["t", "…", "t"]
    assert max(len(post["content"]) for post in sent) <= 2000


def test_a_receiver_that_refuses_is_an_error_that_names_the_variable_and_no_part_of_the_address() -> None:
    with (
        answering(lambda request: Response("no", 403)) as url,
        pytest.raises(SourceUnavailable, match="answered 403: check ALERT_WEBHOOK_URL") as caught,
    ):
        send_alert(recipients(settings(alert_webhook_url=url + SECRET_PATH)), ["one"])
    assert "secret-part" not in str(caught.value)


def test_a_receiver_that_is_not_there_is_an_error_that_names_the_variable_and_no_part_of_the_address() -> None:
    with pytest.raises(SourceUnavailable, match=r"not reached .*: check ALERT_WEBHOOK_URL") as caught:
        send_alert(recipients(settings(alert_webhook_url=AWAY + SECRET_PATH)), ["one"])
    assert "secret-part" not in str(caught.value)


def test_a_chat_at_telegram_is_told_by_its_bot() -> None:
    received: list[tuple[str, dict[str, Any]]] = []

    def receive(request: Request) -> Response:
        received.append((request.path, json.loads(request.data)))
        return Response('{"ok": true}')

    with answering(receive) as url:
        send_alert(recipients(settings(telegram_base_url=url, **BOT)), ["First, for @everyone.", "Second."])

    payload = {
        "chat_id": "-100123",
        "text": "First, for @\u200beveryone.\nSecond.",
        "link_preview_options": {"is_disabled": True},
    }
    assert received == [("/bot123:secret-part/sendMessage", payload)]


@pytest.mark.parametrize("away", [True, False], ids=["away", "refused"])
def test_a_telegram_that_does_not_take_it_is_an_error_without_the_token(away: bool) -> None:
    with (
        answering(lambda request: Response('{"ok": false, "error_code": 401}', 401)) as url,
        pytest.raises(SourceUnavailable, match="check ALERT_TELEGRAM_TOKEN and ALERT_TELEGRAM_CHAT") as caught,
    ):
        send_alert(recipients(settings(telegram_base_url=AWAY if away else url, **BOT)), ["one"])
    assert "secret-part" not in str(caught.value)


def test_where_one_of_two_takes_it_who_does_not_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    received: list[bytes] = []

    def receive(request: Request) -> Response:
        received.append(request.data)
        return Response("ok")

    with answering(receive) as url:
        told = recipients(settings(alert_webhook_url=url + SECRET_PATH, telegram_base_url=AWAY, **BOT))
        send_alert(told, ["one"])

    assert len(received) == 1
    assert "Telegram: not reached" in caplog.text
    assert "secret-part" not in caplog.text


@pytest.mark.parametrize("chat", ["somebody", "@", "1 2", "https://t.me/ratingo"])
def test_a_chat_is_a_number_or_a_name(chat: str) -> None:
    with pytest.raises(ValueError, match="must be a chat's number"):
        settings(alert_telegram_chat=chat)
