"""The feed of changes of titles: a page after a cursor. What a change is, `sync.title_changes` decides."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ratingo_pipelines.gateway.api import parameters
from ratingo_pipelines.gateway.api.answers import ApiResponse, Refused
from ratingo_pipelines.gateway.api.catalogue import CHANGES
from ratingo_pipelines.gateway.api.endpoints import route_of
from ratingo_pipelines.gateway.api.models import ChangeAnswer, ChangesAnswer
from ratingo_pipelines.gateway.api.progress import stamp
from ratingo_pipelines.media import BY_NAME
from ratingo_pipelines.storage import title_changes
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.title_changes import RecordedChange


class ChangesFeed:
    """`/changes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        """The route."""
        return [route_of(CHANGES, self.changes)]

    async def changes(self, request: Request) -> Response:
        """The first changes after the cursor."""
        answer = await run_in_threadpool(self._after, request.query_params)
        return ApiResponse(answer.as_json())

    def _after(self, given: QueryParams) -> ChangesAnswer:
        numbers = parameters.read(given, CHANGES.parameters, CHANGES.choices)
        medium, since, limit = parameters.MEDIUM.read(given.get("medium")), numbers["since"], numbers["limit"]
        with self._database.reading() as conn:
            found = title_changes.after(conn, since, limit + 1, BY_NAME[medium] if medium else None)
            newest = since if found else title_changes.last_id(conn)
        if since > newest:
            raise Refused(
                400,
                f"since is beyond the newest change, {newest}: it is of another database, or of one that a backup has "
                "replaced; begin again with since=0",
            )
        shown = found[:limit]
        cursor = shown[-1].id if shown else since
        return ChangesAnswer(changes=[_told(change) for change in shown], cursor=cursor, more=len(found) > limit)


def _told(change: RecordedChange) -> ChangeAnswer:
    values = {name: getattr(change, name) for name in ChangeAnswer.model_fields}
    return ChangeAnswer.model_validate(values | {"changed_at": stamp(change.changed_at)})
