"""Reproducible draws. Each is a pure function of its names, so adding one moves no other."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_SPAN = 2**64


def fraction(*names: object) -> float:
    """Draw a number in [0, 1)."""
    return _draw(names) / _SPAN


def between(low: int, high: int, *names: object) -> int:
    """Draw a whole number from low to high, both included."""
    return low + _draw(names) % (high - low + 1)


def chance(probability: float, *names: object) -> bool:
    """Draw yes with this probability."""
    return _draw(names) < probability * _SPAN


def pick(choices: Sequence[T], *names: object) -> T:
    """Draw one of the choices."""
    return choices[_draw(names) % len(choices)]


def some(choices: Sequence[T], count: int, *names: object) -> list[T]:
    """Draw `count` different choices (fewer when there are fewer), in drawn order."""
    left = list(choices)
    return [left.pop(_draw((*names, place)) % len(left)) for place in range(min(count, len(left)))]


def word(length: int, *names: object) -> str:
    """Draw letters and digits, as in paths of images and keys of videos."""
    return blake2b(repr(names).encode(), digest_size=(length + 1) // 2).hexdigest()[:length]


def _draw(names: tuple[object, ...]) -> int:
    return int.from_bytes(blake2b(repr(names).encode(), digest_size=8).digest())
