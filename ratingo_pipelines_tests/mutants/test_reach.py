import subprocess
import sys
from pathlib import Path

import pytest

from ratingo_pipelines_tests.mutants import reach

CODE = """LIMIT = 2

def short(text):
    return text[:LIMIT]

def idle():
    return LIMIT
"""
TESTS = """import pytest
import code_of

@pytest.fixture(scope="module")
def shortened():
    return code_of.short("abc")

def test_one():
    assert code_of.idle() == 2

def test_two(shortened):
    assert shortened == "ab"
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> reach.Reach:
    checkout = tmp_path_factory.mktemp("checkout").resolve()
    (checkout / "code_of.py").write_text(CODE)
    (checkout / "test_code_of.py").write_text(TESTS)
    measuring = ["--cov=code_of", "--cov-context=test", "--cov-report="]
    # Who measures these very tests must not take that run for a part of them.
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:slipcover", *measuring],
        cwd=checkout,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return reach.read(checkout)


@pytest.mark.parametrize(
    ("lines", "tests"),
    [
        (range(7, 8), ["test_code_of.py::test_one"]),
        (range(4, 5), ["test_code_of.py"]),
        (range(4, 8), []),
        (range(1, 2), []),
        (range(5, 6), []),
    ],
    ids=["by a test", "by a fixture", "by the import too", "by the import", "by nothing"],
)
def test_who_ran_a_line_is_known(measured: reach.Reach, lines: range, tests: list[str]) -> None:
    assert measured.tests_of(Path("code_of.py"), lines) == tests


def test_the_nearest_tests_come_first() -> None:
    far, near, nearest = "t/defs/test_a.py::test_a", "t/sync/test_b.py::test_b[x/y::z]", "t/sync/test_c.py::test_c"

    assert reach.nearest_first([far, near, nearest], [Path("t/sync/test_c.py"), Path("t/sync")]) == [nearest, near, far]
