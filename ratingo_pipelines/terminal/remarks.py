"""The doctor's remarks as people read them."""

from collections.abc import Iterator

from ratingo_pipelines.doctor.remark import Remark, Severity

_WIDTH = max(map(len, Severity))


def remark_lines(remark: Remark) -> Iterator[str]:
    """What was found, and below it what to do."""
    yield f"{remark.severity:{_WIDTH}}  {remark.about}: {remark.said}"
    if remark.remedy:
        yield f"{'':{_WIDTH}}  -> {remark.remedy}"
