"""Text of strangers stays text in Markdown. What Dagster's UI makes of it is in `make test-door`."""

import pytest

from ratingo_pipelines.defs.markdown import escaped, listed, table
from ratingo_pipelines.text import visible


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Breaking Bad", "Breaking Bad"),
        ("![x](https://evil.example/x.png)", r"\!\[x\]\(https://evil.example/x.png\)"),
        ("<img src=https://evil.example>", r"\<img src=https://evil.example\>"),
        ("a | b", r"a \| b"),
        ("a \\| b", r"a \\\| b"),
        ("a\n| b\r\nc", r"a \| b c"),
        ("`code` *bold* _it_ ~no~", r"\`code\` \*bold\* \_it\_ \~no\~"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("9-1-1: Lone Star", "9-1-1: Lone Star"),
        ("&lt;img&gt;", r"\&lt;img\&gt;"),
        ("\x1b[31mred\u202e", r"\\u001b\[31mred\\u202e"),
        ("", ""),
    ],
)
def test_markup_is_no_markup(text: str, markdown: str) -> None:
    assert escaped(text) == markdown


def test_every_row_of_a_table_has_its_columns() -> None:
    drawn = table(["a", "b"], [[escaped("x | y"), escaped("\n\n| z")]], "rl")

    assert drawn.splitlines() == ["| a | b |", "| --: | --- |", r"| x \| y | \| z |"]


def test_a_list_has_an_item_a_line() -> None:
    assert listed(["one\n- two", "![x](y)"]) == "- one - two\n- \\!\\[x\\]\\(y\\)"


@pytest.mark.parametrize(
    "char", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u2028", "\ufeff", "\ud800", "\U000e0041"]
)
def test_what_steers_a_terminal_or_turns_the_writing_is_shown(char: str) -> None:
    shown = visible(f"a{char}b")

    assert char not in shown
    assert shown.isprintable()
    assert shown.startswith("a\\u")


@pytest.mark.parametrize("text", ["Ключ", "日本語", "é", "😀", "👨\u200d👩\u200d👧", "a\xa0b", "…"])
def test_other_writing_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
