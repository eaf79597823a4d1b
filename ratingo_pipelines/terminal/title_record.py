"""All of one title as people read it: a paragraph for each kind of thing that is known."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ratingo_pipelines.measures.sparkline import blocks
from ratingo_pipelines.storage.doubts import Doubt
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.storage.records import AskedAbout, Name, RecordedPlace
from ratingo_pipelines.storage.title_changes import ChangeKind, RecordedChange
from ratingo_pipelines.sync.overview import DAYS_DRAWN
from ratingo_pipelines.sync.title_record import Fact, TitleRecord
from ratingo_pipelines.sync.trust.doubts import key_of
from ratingo_pipelines.text import counted

_CHANGED = {
    ChangeKind.SEASON: "seasons",
    ChangeKind.NEXT_EPISODE: "next episode",
    ChangeKind.STATUS: "status",
    ChangeKind.CERTIFICATION: "certification",
    ChangeKind.ON_PROVIDER: "on a provider",
    ChangeKind.OFF_PROVIDER: "off a provider",
    ChangeKind.LISTED: "into the trending list",
    ChangeKind.UNLISTED: "out of the trending list",
}
NAMES_SHOWN = 20
ACTORS_SHOWN, TRAILERS_SHOWN = 8, 3


def record_lines(record: TitleRecord, gateway: str) -> Iterator[str]:
    """The title, from what it is to what is on record of it; its page and its partition are at `gateway`."""
    names = [name for name in (record.title_uk, record.title) if name]
    yield f"{' / '.join(dict.fromkeys(names)) or 'a title without a row'} ({record.medium} {record.tmdb_id})"
    yield f"  {_standing(record)}"
    yield from _facts(record.facts)
    if record.genres:
        yield f"  genres: {', '.join(record.genres)}"
    for region, offers in record.watch_in.items():
        yield f"  watch in {region}: {', '.join(offers)} (JustWatch)"
    if len(record.watchers_by_day) > 1:
        yield f"  watchers of {DAYS_DRAWN} days: {blocks(record.watchers_by_day).strip()} {record.watchers_by_day[-1]}"
    if record.votes:
        yield f"  votes at Trakt, 1 to 10: {', '.join(str(record.votes.get(rating, 0)) for rating in range(1, 11))}"
    if record.cast:
        more = len(record.cast) - ACTORS_SHOWN
        actors = ", ".join(actor.name for actor in record.cast[:ACTORS_SHOWN])
        yield f"  cast: {actors}{f' and {more} more' if more > 0 else ''}"
    yield from (f"  trailer: {trailer.name}: {trailer.url}" for trailer in record.trailers[:TRAILERS_SHOWN])
    yield from (f"  {name}: {url}" for name, url in record.links.items())
    yield f"  page: {gateway}/watching/titles/{record.medium}/{record.tmdb_id}"
    yield f"  Dagster: {gateway}/assets/{record.medium}/details?view=partitions&partition={record.tmdb_id}"
    yield from _paragraph("Cycles", map(_place, record.places))
    yield from _paragraph("Changed", map(_change, record.changes))
    yield from _paragraph("Asked", map(_asked, record.asked))
    yield from _paragraph("In doubt", map(_doubt, record.doubts))
    yield from _paragraph("Failing", map(_failure, record.failures))


def name_lines(names: Sequence[Name]) -> Iterator[str]:
    """Titles to choose from."""
    for name in names[:NAMES_SHOWN]:
        both = " / ".join(dict.fromkeys(text for text in (name.title_uk, name.title) if text))
        yield f"  {name.tmdb_id}  {both}{'' if name.listed else ' (not listed)'}"
    if len(names) > NAMES_SHOWN:
        yield f"  and {len(names) - NAMES_SHOWN} more"


def _standing(record: TitleRecord) -> str:
    if record.skipped:
        return f"skipped: {record.skipped}"
    if record.id is None:
        return "not stored yet"
    changed = f", changed {_at(record.updated_at)}" if record.updated_at else ""
    return f"{'listed' if record.listed else 'not listed'}, row {record.id}{changed}"


def _facts(facts: Sequence[Fact]) -> Iterator[str]:
    for source in dict.fromkeys(fact.source for fact in facts):
        known = [_known(fact) for fact in facts if fact.source == source and fact.value is not None]
        lacking = [fact.name for fact in facts if fact.source == source and fact.value is None]
        without = f"; not known: {', '.join(lacking)}" if lacking else ""
        yield f"  {source}: {', '.join(known) or 'nothing'}{without}"


def _known(fact: Fact) -> str:
    answered = f" (answered {_at(fact.answered_at)})" if fact.answered_at else ""
    return f"{fact.name} {fact.value}{answered}"


def _place(place: RecordedPlace) -> str:
    why = f": {place.reason}" if place.reason else ""
    return f"{place.cycle_id} of {_at(place.cycle_at)}: #{place.rank}, {place.watchers} watching, {place.outcome}{why}"


def _change(change: RecordedChange) -> str:
    what = " in ".join(filter(None, (_CHANGED[ChangeKind(change.kind)], change.region)))
    values = " -> ".join(value or "none" for value in (change.before, change.after))
    if change.kind in (ChangeKind.ON_PROVIDER, ChangeKind.OFF_PROVIDER):
        values = change.after or change.before or ""
    is_valued = change.before is not None or change.after is not None
    return f"{_at(change.changed_at)}: {what}{f': {values}' if is_valued else ''}"


def _asked(asked: AskedAbout) -> str:
    vain = f", {counted(asked.empty_streak, 'time')} in vain" if asked.empty_streak else ""
    return f"{asked.source}: {_at(asked.asked_at)}{vain}, again {_at(asked.next_at)}"


def _doubt(doubt: Doubt) -> str:
    return f"{key_of(doubt)} since {_at(doubt.first_at)}; what was known is kept"


def _failure(failure: Failure) -> str:
    tried = f"{counted(failure.attempts, 'attempt')}, next {_at(failure.next_attempt_at)}"
    return f"{failure.stage}: {failure.last_error} ({tried})"


def _paragraph(name: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0:
            yield f"{name}:"
        yield f"  {line}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
