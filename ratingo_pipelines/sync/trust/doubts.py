"""An answer that empties or denies is not believed at once: what is doubted, and when it is believed after all.

What is asked about a title is always the source's own answer of now, if only its word that the last one holds (304):
our cache is never taken for one (`sources.tmdb.client`, `sources.trakt`). Decisions over plain values, without I/O; all
numbers of the policy stand here. Doubts are kept in `storage.doubts`; how an answer is weighed against what is stored
is `merge`'s, and what is done once it is believed `emptying`'s.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock

from ratingo_pipelines.storage.doubts import Doubt, DoubtCount
from ratingo_pipelines.sync.trust.entries import Entries
from ratingo_pipelines.sync.trust.parts import FactPart, PartKey, source_of
from ratingo_pipelines.text import counted

SECOND_ANSWER_AFTER = timedelta(hours=5)
"""Another answer this much later that says the same is believed; until then what is known stays."""
BELIEVED_AFTER = timedelta(days=7)
"""So long a source must say of many titles what is not believed of them."""
MANY, MANY_OF = 5, 5
"""More than so many titles, and more than one in so many of those that had such entries, are the source's fault."""


def key_of(doubt: Doubt | DoubtCount) -> PartKey:
    """The part that is doubted."""
    return PartKey(FactPart(doubt.part), doubt.region)


def emptied(stored: Entries, answered: Entries) -> frozenset[PartKey]:
    """The parts of which a title has entries and the answer has none; parts that did not come are not among them."""
    return frozenset(key for key, entries in answered.items() if not entries and stored.get(key))


def ended(open_doubts: Collection[PartKey], stored: Entries, answered: Entries) -> frozenset[PartKey]:
    """The open doubts that this answer ends: it has entries again, or there is nothing left to lose."""
    return frozenset(key for key in open_doubts if key in answered and (answered[key] or not stored.get(key)))


def are_many(doubted: int, had: int) -> bool:
    """Whether `doubted` titles of the `had` that a batch asked about, and that had such entries, are too many."""
    return doubted > MANY and doubted * MANY_OF > had


def is_believed(doubt: Doubt, now: datetime, many: bool) -> bool:
    """Whether an answer of now that says the same is believed; `many` tells whether its batch says so of too many."""
    return now - doubt.first_at >= (BELIEVED_AFTER if doubt.many or many else SECOND_ANSWER_AFTER)


def many_said(media: str, key: PartKey, titles: int, had: int | None = None) -> str:
    """What is said of doubts that are the source's fault."""
    of = f" of {had}" if had else ""
    what = _DENIED.get(key.part, f"have no {key} any more")
    return (
        f"{source_of(key.part)} says that {titles}{of} {media} {what}, which is taken for its fault. What is known is "
        f"kept. If it is true: `ratingo doubts accept {key.part}`; otherwise it is believed after "
        f"{counted(BELIEVED_AFTER.days, 'day')} of saying so."
    )


_DENIED = {FactPart.UNKNOWN: "do not exist any more", FactPart.ANIME: "fall to the anime filter"}


@dataclass
class Ledger:
    """What the answers of one batch emptied, written by its threads and read when the batch is over.

    Only then can be told whether a doubt is one of many.
    """

    had: Counter[PartKey] = field(default_factory=Counter)
    """How many titles that had entries were answered about, by part."""
    emptied: dict[PartKey, set[int]] = field(default_factory=dict)
    """The titles (TMDB ids) whose entries the answer would take away, by part."""
    _lock: Lock = field(default_factory=Lock)

    def note(self, tmdb_id: int, had: Collection[PartKey], doubted: Collection[PartKey]) -> None:
        """Count one title."""
        with self._lock:
            self.had.update(had)
            for key in doubted:
                self.emptied.setdefault(key, set()).add(tmdb_id)

    @cached_property
    def many(self) -> frozenset[PartKey]:
        """The parts that came empty for too many titles at once, once the batch is over."""
        return frozenset(key for key, ids in self.emptied.items() if are_many(len(ids), self.had[key]))


@dataclass(frozen=True)
class DoubtsVerdict:
    """What a batch's doubts come to."""

    many: Mapping[PartKey, Set[int]] = field(default_factory=dict)
    """The source's fault: the titles to be marked as one of many, by part."""
    believed: Mapping[int, Sequence[Doubt]] = field(default_factory=dict)
    """The doubts that this batch's answers bear out, by title."""
    kept: Sequence[Doubt] = ()
    """The doubts that stay, those of many left out."""


def judge(ledger: Ledger, open_doubts: Mapping[int, Sequence[Doubt]], now: datetime) -> DoubtsVerdict:
    """Judge what a batch emptied, when it is over; `open_doubts` are those of its titles, by TMDB id."""
    many: dict[PartKey, set[int]] = {}
    believed: dict[int, list[Doubt]] = {}
    kept: list[Doubt] = []
    for key, doubt in _told_again(ledger, open_doubts):
        is_one_of_many = key in ledger.many
        if is_believed(doubt, now, is_one_of_many):
            believed.setdefault(doubt.tmdb_id, []).append(doubt)
        elif is_one_of_many:
            many.setdefault(key, set()).add(doubt.tmdb_id)
        else:
            kept.append(doubt)
    return DoubtsVerdict(many, believed, kept)


def _told_again(ledger: Ledger, open_doubts: Mapping[int, Sequence[Doubt]]) -> Iterator[tuple[PartKey, Doubt]]:
    for tmdb_id in sorted(open_doubts):
        for doubt in open_doubts[tmdb_id]:
            key = key_of(doubt)
            if tmdb_id in ledger.emptied.get(key, ()):
                yield key, doubt
