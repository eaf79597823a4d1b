"""What a chat is told, in the forms that chats take, and that no markup of strangers reaches one."""

import json
from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug import Request, Response

from ratingo_pipelines.sources.errors import SourceUnavailable
from ratingo_pipelines.sources.webhook import send_alert
from ratingo_pipelines_tests.answering import answering

SECRET_PATH = "/hooks/secret-part"


def posts(*lines: str) -> list[dict[str, Any]]:
    """What the receiver was sent."""
    received: list[dict[str, Any]] = []

    def receive(request: Request) -> Response:
        received.append(json.loads(request.data))
        return Response("ok")

    with answering(receive) as url:
        send_alert(SecretStr(url + SECRET_PATH), lines)
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
        send_alert(SecretStr(url + SECRET_PATH), ["one"])
    assert "secret-part" not in str(caught.value)


def test_a_receiver_that_is_not_there_is_an_error_that_names_the_variable_and_no_part_of_the_address() -> None:
    with pytest.raises(SourceUnavailable, match=r"not reached .*: check ALERT_WEBHOOK_URL") as caught:
        send_alert(SecretStr("http://127.0.0.1:1" + SECRET_PATH), ["one"])
    assert "secret-part" not in str(caught.value)
