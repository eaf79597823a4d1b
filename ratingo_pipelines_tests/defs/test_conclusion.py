"""How a run concludes from the reports of its stages."""

import dagster as dg
import pytest

from ratingo_pipelines.defs.conclusion import FAILED, STOPPED_BY, raise_if_any_failed
from ratingo_pipelines.sync.report import BatchReport

SAID = "TMDB says that 90 of 92 shows have no cast any more, which is taken for its fault."


def test_a_run_in_which_a_source_empties_many_titles_fails_though_no_title_does() -> None:
    raise_if_any_failed([BatchReport("shows", "titles", notes=("1 show came without what they had",))])

    with pytest.raises(dg.Failure) as raised:
        raise_if_any_failed([BatchReport("shows", "titles", succeeded=90, problems=(SAID,))])

    assert raised.value.description == SAID
    assert raised.value.metadata[FAILED].value == 0
    assert STOPPED_BY not in raised.value.metadata
