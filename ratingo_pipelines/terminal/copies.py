"""What came of a database's copy, as people read it: a line a table. How far it is is told by `progress`."""

from collections.abc import Iterator

from ratingo_pipelines.storage.copying import ComparedTable, CopyReport
from ratingo_pipelines.text import counted

CHECKSUM_SHOWN = 16


def copy_lines(report: CopyReport, place: str) -> Iterator[str]:
    """Each table's rows and checksum, what was left behind, and whether the copy is whole."""
    if report.resumed:
        yield "went on with what an earlier copy had left"
    yield from (f"{name}: had changed in FROM since, and was copied again" for name in report.copied_again)
    yield from map(_table_line, report.tables)
    yield from (f"not copied, as it is not this project's: {name}" for name in report.not_copied)
    rows = counted(sum(table.rows for table in report.tables), "row")
    if report.same:
        yield f"{place}: {rows} in {counted(len(report.tables), 'table')}, all the same as in FROM"
    else:
        yield f"{place} is not the same as FROM and stays marked as not whole: correct the rows named above in FROM"


def _table_line(table: ComparedTable) -> str:
    if table.same:
        return f"{table.name}: {counted(table.rows, 'row')}, {table.checksum[:CHECKSUM_SHOWN]}"
    return (
        f"{table.name}: {counted(table.rows, 'row')} in FROM, {table.rows_in_copy} in TO; the first that differs is "
        f"{table.differs_at}; {table.checksum[:CHECKSUM_SHOWN]} and {table.checksum_in_copy[:CHECKSUM_SHOWN]}"
    )
