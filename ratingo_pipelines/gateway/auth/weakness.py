"""Secrets that could be guessed: refused at the start, in one line that shows nothing of them."""

from collections.abc import Mapping

FEWEST_CHARACTERS = 8
"""Different ones: of 32 random hexadecimal digits there are fewer once in a hundred million times."""
WELL_KNOWN = ("changeme", "change-me", "change_me", "password", "example", "placeholder", "your-secret", "yoursecret")
LONGEST_PERIOD = 12


def weakness(secret: str, others: Mapping[str, str]) -> str | None:
    """What is wrong with a secret besides its length; `others` are the secrets it must differ from, by name."""
    same = next((name for name, other in others.items() if other and other == secret), None)
    if same is not None:
        return f"must not be the same as {same}"
    lowered = secret.lower()
    known = next((word for word in WELL_KNOWN if word in lowered), None)
    if known is not None:
        return "must be no example, and have no word in it that people guess first"
    if len(set(lowered)) < FEWEST_CHARACTERS or _repeats(lowered):
        return "must be random: it is made of few characters, or of the same ones again and again"
    return None


def _repeats(text: str) -> bool:
    """Whether the text is a short one over and over."""
    return any(
        text == (text[:size] * len(text))[: len(text)] for size in range(1, min(LONGEST_PERIOD, len(text) // 2) + 1)
    )
