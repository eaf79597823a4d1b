"""Whether a list of Trakt's is whole: the trending list beside the last one, a month's list, a piece of the calendar.

A single entry that cannot be used is skipped where it stands; here a list is judged as one, as the same wrong answer in
every entry looks fine entry by entry. Pure: asking, asking once more and keeping what was decided is `trending`'s,
`monthly`'s and `airings`'.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from ratingo_pipelines.sources.trakt import CalendarEntry, CalendarPiece, MonthlyEntry, TraktTitle, TrendingEntry
from ratingo_pipelines.text import counted

NAMED = 0.9
"""So many of a list's entries name a title, or all but one; an entry without any id is a fault of the list."""
USABLE = 0.5
"""So many of the titles that the last list would lead one to expect can be used; so many of its entries, at least."""
WATCHED = 0.1
"""Below this part of the watchers that the last list gave the same titles, it does not say who is watching."""
IN_COMMON = 0.2
"""Watchers are compared where the lists share so many of their titles: what few have left of theirs after a long
standstill says nothing."""
SHORT_LISTS, SHORT_FOR = 3, timedelta(hours=1)
"""That many lists in a row, over that long, that are whole but for their length: then the list is that short."""


class ListFault(StrEnum):
    """What a list lacks to be whole."""

    EMPTY = "empty"
    NAMELESS = "nameless"
    """Too many entries name no title."""
    UNUSABLE = "unusable"
    """Too many entries have no TMDB id or no watchers, or name a title that another names."""
    UNWATCHED = "unwatched"
    ELSEWHEN = "elsewhen"
    """A piece of the calendar tells of other days than those asked about."""
    SHORT = "short"
    """Nothing is wrong with it but that there is so little of it: the one fault that may be the truth."""


@dataclass(frozen=True)
class ListVerdict:
    """What is wrong with a list; `said` is for people: half a sentence about the list."""

    fault: ListFault
    said: str


@dataclass(frozen=True)
class ListReading:
    """What a list comes to: how many entries were asked for and came, how many name a title, who is watched."""

    asked: int
    entries: int
    named: int
    watchers: Mapping[int, int] = field(default_factory=dict)
    """Watchers by id of the titles that can be used: TMDB's, in the list of a month Trakt's. What our own filters take
    away of them is not the list's doing, so it counts here."""

    @property
    def usable(self) -> int:
        """How many titles can be used."""
        return len(self.watchers)


def read_trending(asked: int, entries: Iterable[TrendingEntry]) -> ListReading:
    """Count a trending list; a title listed twice counts once, as it was listed first."""
    return _read(asked, ((entry.title, entry.title.tmdb, entry.watchers) for entry in entries))


def read_month(asked: int, entries: Iterable[MonthlyEntry]) -> ListReading:
    """Count the list of a month."""
    return _read(asked, ((entry.title, entry.title.trakt, entry.watcher_count) for entry in entries))


def _read(asked: int, entries: Iterable[tuple[TraktTitle, int | None, int | None]]) -> ListReading:
    watchers: dict[int, int] = {}
    total = named = 0
    for title, title_id, watching in entries:
        total += 1
        named += is_named(title)
        if title_id is not None and watching is not None:
            watchers.setdefault(title_id, watching)
    return ListReading(asked, total, named, watchers)


def is_named(title: TraktTitle) -> bool:
    """Whether an entry names a title: by an id, whichever, and by its words."""
    return title.title is not None and has_id(title)


def has_id(title: TraktTitle) -> bool:
    """Whether an entry has an id, whichever."""
    return any(each is not None for each in (title.trakt, title.slug, title.imdb, title.tmdb))


def are_nearly_all(some: int, of: int) -> bool:
    """Whether that many are all but one, or nine tenths."""
    return some >= of - 1 or some >= of * NAMED


def judge_trending(found: ListReading, last: ListReading | None) -> ListVerdict | None:
    """What keeps a trending list from being believed, set beside the last one; None where it is whole."""
    if not found.entries:
        return ListVerdict(ListFault.EMPTY, "is empty")
    if verdict := _of_entries(found):
        return verdict
    if not any(found.watchers.values()):
        return ListVerdict(ListFault.UNWATCHED, "says of every title that nobody watches it")
    return None if last is None else _beside(found, last)


def _of_entries(found: ListReading) -> ListVerdict | None:
    entries = counted(found.entries, "entry", "entries")
    if not are_nearly_all(found.named, found.entries):
        return ListVerdict(ListFault.NAMELESS, f"names a title in only {found.named} of its {entries}")
    if found.usable < found.entries * USABLE:
        others = "the others have no id or no watchers, or come twice"
        return ListVerdict(ListFault.UNUSABLE, f"has only {counted(found.usable, 'title')} in {entries}: {others}")
    return None


def _beside(found: ListReading, last: ListReading) -> ListVerdict | None:
    common = found.watchers.keys() & last.watchers.keys()
    now, before = (sum(each.watchers[i] for i in common) for each in (found, last))
    if len(common) >= min(found.usable, last.usable) * IN_COMMON and now < before * WATCHED:
        said = f"gives {counted(len(common), 'title')} {counted(now, 'watcher')} together, the last one {before}"
        return ListVerdict(ListFault.UNWATCHED, said)
    # One that was asked for more than the last, and brings more than it, may be all there is.
    brings_more = found.asked > last.asked and found.usable > last.usable
    if found.usable < expected(found.asked, last) * USABLE and not brings_more:
        was = f"the last one had {last.usable}" + (f" of {last.asked} asked for" if last.asked != found.asked else "")
        said = f"is short: {counted(found.usable, 'title')} of {found.asked} asked for, where {was}"
        return ListVerdict(ListFault.SHORT, said)
    return None


def expected(asked: int, last: ListReading) -> float:
    """How many usable titles the last list leads one to expect of one that is asked for `asked` entries.

    A last list that ended before what it was asked for says where the source's list ends.
    """
    reach = min(last.asked, last.entries)
    if asked > reach and last.entries < last.asked:
        return last.usable
    return last.usable * asked / reach if reach else 0.0


def is_believed(verdict: ListVerdict, refused_before: Sequence[datetime], now: datetime) -> bool:
    """Whether a list is believed although it is not whole: the third short one, an hour or more after the first.

    `refused_before` are the times of the short lists since one was whole, the oldest first. No other fault is ever the
    truth.
    """
    if verdict.fault is not ListFault.SHORT or len(refused_before) < SHORT_LISTS - 1:
        return False
    return now - refused_before[0] >= SHORT_FOR


def judge_month(found: ListReading, kept: int | None) -> ListVerdict | None:
    """What keeps the list of a month from being believed; `kept` is how many titles the one that is kept has.

    An empty list is Trakt's way to say that it has none, which is not judged here.
    """
    if verdict := _of_entries(found):
        return verdict
    if not any(found.watchers.values()):
        return ListVerdict(ListFault.UNWATCHED, "says of every title that nobody watched it")
    if kept is not None and found.usable < kept * USABLE:
        return ListVerdict(
            ListFault.SHORT, f"is short: {counted(found.usable, 'title')}, where the one kept has {kept}"
        )
    return None


def judge_piece(piece: CalendarPiece) -> ListVerdict | None:
    """What keeps a piece of the calendar from telling anything of its days: of the whole world's television."""
    entries = piece.entries
    if not entries:
        return ListVerdict(ListFault.EMPTY, "is empty")
    named = sum(has_id(entry.show) for entry in entries)
    if not are_nearly_all(named, len(entries)):
        said = f"names a show in only {named} of its {counted(len(entries), 'entry', 'entries')}"
        return ListVerdict(ListFault.NAMELESS, said)
    different = len({(entry.show, entry.season, entry.number) for entry in entries})
    if different < len(entries) * USABLE:
        said = f"has only {counted(different, 'episode')} in {counted(len(entries), 'entry', 'entries')}"
        return ListVerdict(ListFault.UNUSABLE, said)
    if not any(is_within(entry, piece.start, piece.end) for entry in entries):
        return ListVerdict(ListFault.ELSEWHEN, "tells of other days only")
    return None


def is_within(entry: CalendarEntry, first: date, end: date) -> bool:
    """Whether an episode airs from a day up to, and without, another (UTC)."""
    return entry.first_aired is not None and first.isoformat() <= entry.first_aired[:10] < end.isoformat()
