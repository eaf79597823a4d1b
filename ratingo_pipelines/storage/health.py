"""What should never be found in the database: rows the checks look for. Reads only; what to do about them is theirs."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Connection, Row, Table, and_, exists, func, not_, or_, select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.cycles import DONE, ERROR
from ratingo_pipelines.storage.pipeline_tables import trending
from ratingo_pipelines.storage.tables import TitleTables, show_airings

LISTED = 20
"""So many of the rows are named."""
UKRAINIAN = "uk-UA"
_OTHER_CHILDREN: Mapping[str, Sequence[Table]] = {SHOWS.plural: [show_airings]}


def scores_out_of_range(conn: Connection, t: TitleTables) -> list[Row[int, str, float, float]]:
    """Titles (tmdb_id, title, trending_score, primary_rating) whose score is not 0..100 or rating not 0..10."""
    c = t.titles.c
    wrong = or_(c.trending_score < 0, c.trending_score > 100, c.primary_rating < 0, c.primary_rating > 10)
    statement = select(c.tmdb_id, c.title, c.trending_score, c.primary_rating).where(wrong)
    return list(conn.execute(statement.order_by(c.id).limit(LISTED)))


def settled_without_row(conn: Connection, t: TitleTables, cycle_id: int) -> list[Row[int, str | None, str, str | None]]:
    """A cycle's titles (tmdb_id, title, outcome, reason) that are done or failed and have no row."""
    c = trending.c
    statement = (
        select(c.tmdb_id, c.title, c.outcome, c.reason)
        .where(c.cycle_id == cycle_id, c.outcome.in_((DONE, ERROR)))
        .where(~exists().where(t.titles.c.tmdb_id == c.tmdb_id))
    )
    return list(conn.execute(statement.order_by(c.rank).limit(LISTED)))


def english_for_ukrainian(conn: Connection, t: TitleTables) -> list[Row[int, str]]:
    """Titles (tmdb_id, title) whose Ukrainian title or overview is the English one, without a translation saying so."""
    c, texts = t.titles.c, t.translations.c

    def copied(ukrainian: Column[str], english: Column[str], translated: Column[str]) -> object:
        said = exists().where(texts[t.parent_key] == c.id, texts.locale == UKRAINIAN, translated == ukrainian)
        return and_(ukrainian == english, ukrainian != "", not_(said))

    wrong = or_(
        copied(c.title_uk, c.title, texts.title),  # type: ignore[arg-type]
        copied(c.overview_uk, c.overview, texts.overview),  # type: ignore[arg-type]
    )
    return list(conn.execute(select(c.tmdb_id, c.title).where(wrong).order_by(c.id).limit(LISTED)))


def orphans(conn: Connection, t: TitleTables) -> dict[str, int]:
    """Rows of child tables whose title does not exist, by table; tables without any left out."""
    children = [(table, table.c[t.parent_key]) for table in _children(t)]
    children.append((t.related, t.related.c[t.related_key]))
    found: dict[str, int] = {}
    for table, parent in children:
        lost = and_(parent.is_not(None), ~exists().where(t.titles.c.id == parent))
        count = conn.execute(select(func.count()).select_from(table).where(lost)).scalar_one()
        if count:
            found[table.name] = found.get(table.name, 0) + count
    return found


def _children(t: TitleTables) -> list[Table]:
    own = [t.ratings, t.rating_buckets, t.snapshots, t.translations, t.genres, t.videos, t.watch_providers, t.cast]
    return [*own, t.content_ratings, t.related, *_OTHER_CHILDREN.get(t.medium.plural, [])]
