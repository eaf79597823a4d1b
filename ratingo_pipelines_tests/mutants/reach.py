"""Which tests run a line of the package: measured once, so that a fault is tried by those alone that can find it.

Here is the reading of what `coverage` measured with a context a test (https://coverage.readthedocs.io/en/latest/contexts.html),
as pytest-cov names them (`NODE ID|run`). Not here: choosing faults, and running tests (`__main__`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

_SET_UP = ("setup", "teardown")


@dataclass(frozen=True)
class Reach:
    """What one run of the tests measured, and the checkout in which it did."""

    data: CoverageData
    checkout: Path

    def tests_of(self, module: Path, lines: range) -> list[str]:
        """The node ids of the tests that ran one of a module's lines, and test files in whose fixtures one ran.

        What one fixture does for many tests is measured at the first of them alone, so that its file stands for all.
        Empty where no test ran them in its own process, or they run when the module is imported.
        """
        contexts = self.data.contexts_by_lineno(str(self.checkout / module))
        ran = {context for line in lines for context in contexts.get(line, [])}
        if "" in ran:
            return []
        found = (context.rpartition("|") for context in ran)
        return sorted({_file(test) if phase in _SET_UP else test for test, _, phase in found})


def read(checkout: Path) -> Reach:
    """What pytest-cov left in a checkout. Raises `coverage.exceptions.CoverageException` where it is not readable."""
    data = CoverageData(basename=str(checkout / ".coverage"))
    data.read()
    return Reach(data, checkout)


def nearest_first(tests: Sequence[str], mirrors: Sequence[Path]) -> list[str]:
    """Tests of the first of these files or folders first, those of none of them last."""

    def distance(test: str) -> int:
        path = Path(_file(test))
        return next((number for number, near in enumerate(mirrors) if path.is_relative_to(near)), len(mirrors))

    return sorted(tests, key=distance)


def _file(test: str) -> str:
    return test.partition("::")[0]
