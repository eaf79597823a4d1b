"""Guards for assertions over many things: over none of them they would hold as well, and say nothing."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def some(found: Iterable[T], at_least: int = 1) -> list[T]:
    """These things, of which there must be some."""
    things = list(found)
    assert len(things) >= at_least, f"{len(things)} of at least {at_least}: nothing would be asserted"
    return things
