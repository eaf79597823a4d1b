"""Related titles: more are kept than shown, and the next one moves up where one may not be listed."""

from datetime import UTC, datetime

from sqlalchemy import insert, select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import candidates, ineligible
from ratingo_pipelines.storage.candidates import Candidates
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.titles import lock_title

SHOW = tables_of(SHOWS)
NOW = datetime(2026, 1, 31, tzinfo=UTC)
SHOWN = 3


def titles(database: Database, *tmdb_ids: int) -> None:
    with database.writing() as conn:
        conn.execute(insert(SHOW.titles), [{"tmdb_id": tmdb_id, "title": f"No. {tmdb_id}"} for tmdb_id in tmdb_ids])


def links(database: Database, tmdb_id: int) -> tuple[list[int], list[int]]:
    """What the links of a title lead to, by their ids, and what its own column says."""
    other = SHOW.titles.alias()
    with database.reading() as conn:
        row = conn.execute(select(SHOW.titles).where(SHOW.titles.c.tmdb_id == tmdb_id)).mappings().one()
        linked = conn.execute(
            select(other.c.tmdb_id)
            .join(SHOW.related, SHOW.related.c.related_show_id == other.c.id)
            .where(SHOW.related.c.show_id == row["id"])
            .order_by(SHOW.related.c.id)
        )
        return list(linked.scalars()), row["related"]


def relink(database: Database, tmdb_id: int) -> None:
    with database.writing() as conn:
        row = lock_title(conn, SHOW, tmdb_id)
        assert row is not None
        candidates.relink(conn, SHOW, [row["id"]], SHOWN)


def test_candidates_are_kept_in_their_order_and_replaced_as_a_whole(database: Database) -> None:
    with database.writing() as conn:
        candidates.keep(conn, SHOWS, 1, Candidates("trakt", (9, 3, 7)))
        candidates.keep(conn, SHOWS, 2, Candidates("tmdb", (1,)))
    with database.writing() as conn:
        candidates.keep(conn, SHOWS, 1, Candidates("tmdb", (7, 8, 9)))

    with database.reading() as conn:
        found = candidates.of_titles(conn, SHOWS, [1, 2, 3])
    assert found == {1: Candidates("tmdb", (7, 8, 9)), 2: Candidates("tmdb", (1,))}


def test_where_one_may_not_be_listed_the_next_moves_up(database: Database) -> None:
    titles(database, 1, 11, 12, 13, 14, 15)
    with database.writing() as conn:
        candidates.keep(conn, SHOWS, 1, Candidates("trakt", (14, 11, 13, 12, 99, 15)))
    relink(database, 1)
    assert links(database, 1) == ([14, 11, 13], [14, 11, 13])

    with database.writing() as conn:
        ineligible.record(conn, SHOWS, 11, "unknown to TMDB", NOW)
        candidates.replace_ineligible(conn, SHOW, [11], SHOWN)

    # No. 99 has no row, as a backfill makes none.
    assert links(database, 1) == ([14, 13, 12], [14, 13, 12])


def test_a_title_of_an_earlier_version_keeps_the_links_it_has(database: Database) -> None:
    titles(database, 1, 11)
    with database.writing() as conn:
        ids = dict(conn.execute(select(SHOW.titles.c.tmdb_id, SHOW.titles.c.id)).all())
        link = {"show_id": ids[1], "related_show_id": ids[11], "source": "trakt", "rank": 1}
        conn.execute(insert(SHOW.related).values(link))

    relink(database, 1)

    assert links(database, 1)[0] == [11]
