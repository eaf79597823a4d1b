"""The doctor's remarks as people read them."""

from collections.abc import Iterator

from ratingo_pipelines.doctor.remark import Remark, State

_WIDTH = max(map(len, State))


def remark_lines(remark: Remark) -> Iterator[str]:
    """What was found, and below it what to do."""
    yield f"{remark.state:{_WIDTH}}  {remark.about}: {remark.said}"
    if remark.remedy:
        yield f"{'':{_WIDTH}}  -> {remark.remedy}"
