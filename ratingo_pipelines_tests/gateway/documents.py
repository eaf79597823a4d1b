"""Reads the commands of the documents, and the answers that they promise."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A block of shell, and the answer shown below it, if one is."""

    text: str
    answer: str | None

    def __str__(self) -> str:
        """Its last words, to name the test."""
        return self.text.strip().splitlines()[-1][-60:]


def commands(path: Path) -> list[Command]:
    """The shell of a document in order; a block of several `curl` lines is as many commands."""
    blocks = BLOCK.findall(path.read_text(encoding="utf-8"))
    found: list[Command] = []
    for (language, text), (following, answer) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "bash":
            shown = answer if following == "json" else None
            alone = all(line.startswith("curl ") for line in text.splitlines())
            found += [Command(line, shown) for line in (text.splitlines() if alone else [text])]
    return found
