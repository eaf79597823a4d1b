"""Asks the sources about titles that they answered well for before, past every cache, and remembers new ones.

When one is asked, and what follows from the answer, is decided in `trust.blame`.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage import witnesses
from ratingo_pipelines.storage.engine import StorageError, retried_transaction
from ratingo_pipelines.sync.batch import HasTitle
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchStopped
from ratingo_pipelines.sync.trust.blame import WITNESSES_KEPT, Kind, Question, WitnessAnswer, kind_of

log = logging.getLogger(__name__)
AskAgain = Callable[[], bool]
"""Asks a question about one title, past the cache; whether there was something in the answer. Raises `SourceError`s."""


@dataclass(frozen=True)
class StoredWitnesses:
    """The witnesses of one medium.

    `asking` gives, of the title with a TMDB id, what it is called and how it is asked about; None where it cannot be.
    """

    ctx: SyncContext
    medium: Medium
    asking: Callable[[Question, int], tuple[HasTitle, AskAgain] | None]

    def ask(self, question: Question, lately: Sequence[int], suspects: Collection[int]) -> WitnessAnswer | None:
        """Ask about the title answered well for most lately that is none of `suspects`; None where there is none.

        Raises `BatchStopped` where the source refuses access or asks for a pause, and `StorageError`.
        """
        for tmdb_id, answered_at in self._known(question, lately).items():
            if tmdb_id not in suspects and (found := self.asking(question, tmdb_id)):
                title, ask_again = found
                return self._answer(question, title, answered_at, ask_again)
        return None

    def remember(self, answered_well: Mapping[Question, Sequence[int]]) -> None:
        """Keep the titles that questions were answered well for last; a database that is gone keeps none."""
        try:
            self._record(answered_well)
        except StorageError as error:
            # What was stored is stored; the next batch has older witnesses.
            log.warning("witnesses not kept: %s", error)

    @retried_transaction
    def _record(self, answered_well: Mapping[Question, Sequence[int]]) -> None:
        with self.ctx.database.writing() as conn:
            for question, tmdb_ids in answered_well.items():
                witnesses.record(conn, self.medium, *question, tmdb_ids, self.ctx.now(), keep=WITNESSES_KEPT)

    @retried_transaction
    def _withdraw(self, question: Question, tmdb_id: int) -> None:
        with self.ctx.database.writing() as conn:
            witnesses.withdraw(conn, self.medium, *question, tmdb_id)

    def _known(self, question: Question, lately: Sequence[int]) -> Mapping[int, datetime | None]:
        with self.ctx.database.reading() as conn:
            before = witnesses.latest(conn, self.medium, *question)
        return {
            **dict.fromkeys(lately),
            **{one.tmdb_id: one.answered_at for one in before if one.tmdb_id not in lately},
        }

    def _answer(
        self, question: Question, title: HasTitle, answered_at: datetime | None, ask_again: AskAgain
    ) -> WitnessAnswer:
        name = f"{title.tmdb_id} {title.title}"
        try:
            if ask_again():
                return WitnessAnswer(name, answered_at, Kind.WELL)
            kind, said = Kind.UNKNOWN, f"{question.source}: nothing is known of it"
        except SourceError as error:
            if error.stops_api:
                raise BatchStopped.by(error) from error
            kind, said = kind_of(error), str(error)
        # It may have become unknown itself: the next time, another one is asked about.
        self._withdraw(question, title.tmdb_id)
        return WitnessAnswer(name, answered_at, kind, said)
