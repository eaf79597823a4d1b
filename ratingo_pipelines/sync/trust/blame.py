"""Whose fault a failure is: the title's own, or that of a source that answers everybody alike.

One wrong answer is told by its form; the same wrong answer for every title is not, so answers are judged together.
Pure: who asks the sources, and what is recorded of a failure, is the batch's and the outcomes'.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ratingo_pipelines.sources.errors import BadPayload, Misrouted, NotFound, Rejected, SourceError

WITNESSES_KEPT = 5
"""So many of the titles that a source answered well for last are remembered: the newest may be the one that fails."""
WORD_HOLDS = 8
"""Once a witness was answered well, so many rounds of failures are needed before another one is asked."""
ROW_AT_THE_END = 5
"""So many failures of one kind, one after the other at the end of a batch, call for a witness as a majority does."""
SMALL_BATCH = 5
"""In a batch of fewer titles, that others came through says too little. No round of a larger one is smaller."""
OURS = ""
"""In place of a source: a step of our own, which no witness can be asked about."""


class Kind(StrEnum):
    """What came of asking about a title. Failures of one kind are alike, whatever their wording."""

    WELL = "well"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    MISROUTED = "misrouted"
    """Something other than the source answered, or it answered what it never answers."""
    UNKNOWN = "unknown"
    UNANSWERED = "unanswered"
    """The source did not answer. When to leave it alone is the circuit's to say (`sources.http`)."""
    FAILED = "failed"
    """A step of our own failed."""


JUDGED = frozenset({Kind.REFUSED, Kind.UNREADABLE, Kind.MISROUTED, Kind.UNKNOWN})
"""The failures that are answers; given to everybody, they are the source's fault."""
_KINDS: Sequence[tuple[type[SourceError], Kind]] = (
    (NotFound, Kind.UNKNOWN),
    (Rejected, Kind.REFUSED),
    (BadPayload, Kind.UNREADABLE),
    (Misrouted, Kind.MISROUTED),
)


def kind_of(error: SourceError) -> Kind:
    """The kind of a source's error."""
    return next((kind for error_type, kind in _KINDS if isinstance(error, error_type)), Kind.UNANSWERED)


class Question(NamedTuple):
    """What is asked of whom: a source (`TMDB`, as messages call it) in a stage."""

    source: str
    stage: str


@dataclass(frozen=True)
class Answer:
    """What came of asking a question about the title with this TMDB id, and what the error said if it failed."""

    question: Question
    about: int
    kind: Kind
    said: str = ""


@dataclass(frozen=True)
class Suspicion:
    """Of the last `heard` titles, `alike` failed in one way: before any of that is recorded, a witness is asked."""

    question: Question
    kind: Kind
    alike: int
    heard: int
    said: str
    """What one of the errors said."""


@dataclass(frozen=True)
class WitnessAnswer:
    """What came of asking a question about a title that it was answered well for before (UTC; None: in this batch)."""

    title: str
    answered_at: datetime | None
    kind: Kind
    said: str = ""


def accusation(suspicion: Suspicion, witness: WitnessAnswer | None) -> str:
    """Say in one line what the answers had in common, why that is the source's fault, and what to look at."""
    source = suspicion.question.source
    said = suspicion.said.removeprefix(f"{source}: ")
    who = "the one title asked about" if suspicion.heard == 1 else f"{suspicion.alike} of {suspicion.heard} titles"
    if witness is None:
        compared = "and there is no other title that it is known to have answered well for"
    else:
        when = f"{witness.answered_at:on %Y-%m-%d at %H:%M UTC}" if witness.answered_at else "just before"
        alike = "likewise" if witness.kind is suspicion.kind else f"too ({witness.said.removeprefix(f'{source}: ')})"
        compared = f"and {alike} for {witness.title}, which it answered well for {when}"
    return (
        f"{source} failed alike for {who} ({said}), {compared}. "
        f"So the fault is {source}'s and was recorded against no title: look at {source.upper()}_BASE_URL"
    )


@dataclass(frozen=True)
class Evidence:
    """What a batch of so many titles tells of one question, beside a failure of some kind."""

    titles: int
    well: int
    """Titles it was answered well for."""
    alike: int
    """Titles that failed in this way, the one in question among them."""
    vouched: bool
    """Whether a witness was answered well in this batch."""


def is_own(evidence: Evidence, others_since: bool) -> bool:
    """Whether a failure is so surely the title's own that it spends one of its attempts.

    `others_since`: another title came through since this one failed the last time.
    """
    if evidence.titles >= SMALL_BATCH:
        return evidence.well > evidence.alike
    return evidence.vouched or others_since


def common_failure(kinds: Sequence[Kind]) -> Kind | None:
    """The way in which most of these titles failed, or the commonest one if none was answered well."""
    judged = Counter(kind for kind in kinds if kind in JUDGED)
    if not judged:
        return None
    kind, alike = judged.most_common(1)[0]
    well = kinds.count(Kind.WELL)
    return kind if not well or 2 * alike > well + judged.total() else None


class _Hearing:
    """What one question came to, title by title, in a batch."""

    def __init__(self, round_size: int) -> None:
        self.kinds: list[Kind] = []
        self.counts: Counter[Kind] = Counter()
        self.said: dict[Kind, str] = {}
        self.well: deque[int] = deque(maxlen=WITNESSES_KEPT)
        self.vouched = False
        self._round_size = self._size = round_size
        self._begins = 0
        """Where the round under judgement begins: what came before it is judged."""

    def hear(self, answer: Answer) -> int:
        """Take note of an answer; its place in the order."""
        self.kinds.append(answer.kind)
        self.counts[answer.kind] += 1
        if answer.kind is Kind.WELL:
            self.well.append(answer.about)
        else:
            self.said[answer.kind] = answer.said
        return len(self.kinds) - 1

    def suspected(self, over: bool) -> tuple[Kind, Sequence[Kind]] | None:
        """The common failure of the last titles, and what came of these; None while there are too few to tell."""
        last = self.kinds[max(self._begins, len(self.kinds) - self._size) :]
        if len(last) < self._size and not over:
            return None
        kind = common_failure(last)
        if kind is None and over:
            last = last[-ROW_AT_THE_END:]
            kind = common_failure(last) if len(last) == ROW_AT_THE_END and len(set(last)) == 1 else None
        if kind is None:
            self._size = self._round_size
            return None
        return kind, last

    def vouch(self) -> None:
        """A witness was answered well: what failed so far is the titles' own."""
        self.vouched = True
        self._begins = len(self.kinds)
        self._size = WORD_HOLDS * self._round_size

    def is_judged(self, position: int) -> bool:
        """Whether so much was heard after an answer that it can no longer be part of a common failure.

        Those under way when it came were asked before it, and say nothing of a lie that begins with it.
        """
        return position < self._begins or len(self.kinds) - position >= self._size + self._round_size


class Blame:
    """Judges the answers of one batch of titles as they come. Titles are told apart by a key of the caller's."""

    def __init__(self, titles: int, workers: int) -> None:
        self._titles = titles
        self.round_size = max(min(titles, max(workers, SMALL_BATCH)), 1)
        """So many titles that all fail alike call for a witness."""
        self._hearings: dict[Question, _Hearing] = {}
        self._waiting: dict[int, list[tuple[_Hearing, int]]] = {}
        self._some_title_came_through = False

    def hear(self, key: int, answers: Iterable[Answer]) -> bool:
        """Take note of a title's answers; whether it has to wait for a judgement, as one of them is a failure."""
        failed = []
        for answer in answers:
            hearing = self._hearings.setdefault(answer.question, _Hearing(self.round_size))
            position = hearing.hear(answer)
            if answer.kind is not Kind.WELL:
                failed.append((hearing, position))
        if failed:
            self._waiting[key] = failed
        else:
            self._some_title_came_through = True
        return bool(failed)

    @property
    def first_round_is_over(self) -> bool:
        """Whether there is something to tell by: a title that came through, or a whole round of answers."""
        heard = (len(hearing.kinds) for hearing in self._hearings.values())
        return self._some_title_came_through or any(count >= self.round_size for count in heard)

    def suspicion(self, *, over: bool) -> Suspicion | None:
        """What a witness must be asked about now, if anything; `over`: nothing more will be heard."""
        for question, hearing in self._hearings.items():
            if question.source != OURS and (found := hearing.suspected(over)):
                kind, last = found
                return Suspicion(question, kind, last.count(kind), len(last), hearing.said[kind])
        return None

    def vouch(self, question: Question) -> None:
        """The witness was answered well: the failures so far are the titles' own."""
        self._hearings[question].vouch()

    def judged(self, *, over: bool) -> list[int]:
        """The keys of titles that waited and need wait no longer: their failures are their own. Each is told once."""
        ready = [key for key, failed in self._waiting.items() if over or all(h.is_judged(at) for h, at in failed)]
        for key in ready:
            del self._waiting[key]
        return ready

    def evidence(self, question: Question, kind: Kind) -> Evidence:
        """What the batch tells so far, beside a failure of this kind."""
        hearing = self._hearings.get(question) or _Hearing(self.round_size)
        return Evidence(self._titles, hearing.counts[Kind.WELL], hearing.counts[kind], hearing.vouched)

    def answered_well(self) -> Mapping[Question, Sequence[int]]:
        """The titles (TMDB ids) that each question was answered well for last, the latest first."""
        return {question: list(reversed(hearing.well)) for question, hearing in self._hearings.items() if hearing.well}
