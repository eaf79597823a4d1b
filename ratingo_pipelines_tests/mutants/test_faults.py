import pytest

from ratingo_pipelines_tests.mutants.faults import faults, with_fault


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a <= b"]),
        ("a in b", ["a not in b"]),
        ("a and b", ["a or b"]),
        ("x = True", ["x = False"]),
        ("x = 8192", ["x = 16384"]),
        ("def f():\n    return False", ["def f():\n    return True"]),
        ("x = y + 1", ["x = y - 1", "x = y + 2"]),
        ("def f():\n    return g(2)", ["def f():\n    return None", "def f():\n    return g(3)"]),
        ("save(row)", ["None"]),
        ("if ready:\n    go = here", ["if not ready:\n    go = here"]),
        ("x = 1 if a else b", ["x = 1 if not a else b", "x = 2 if a else b"]),
    ],
)
def test_a_small_fault_is_put_in(source: str, expected: list[str]) -> None:
    assert [with_fault(source, fault.number) for fault in faults(source)] == expected


@pytest.mark.parametrize(
    "source",
    [
        "_log.info('asked %s', name)",
        "def f(a: Literal[1]) -> Literal[2]:\n    '''Says 3.'''",
        "@dataclass(frozen=True)\nclass Row:\n    pass",
        "x = 'one ' + two",
        "def f():\n    return",
        "if TYPE_CHECKING:\n    f(1)",
        "x = None",
    ],
)
def test_what_only_names_or_tells_stays_as_it_is(source: str) -> None:
    assert faults(source) == []


def test_a_fault_says_where_it_is_and_what_it_changes() -> None:
    [fault] = faults("a = b\nif a is None:\n    c = b")[1:]

    assert (fault.lines, fault.before, fault.after) == (range(2, 3), "a is None", "a is not None")


def test_a_turned_condition_is_of_its_own_lines_not_of_what_depends_on_it() -> None:
    [fault, *_] = faults("if (a and\n    b):\n    go()\n    on()")

    assert fault.lines == range(1, 3)


def test_looking_for_faults_leaves_none_behind() -> None:
    source = "x = y + 1 if a and b else f(3)"

    assert faults(source) == faults(source)
    assert len(faults(source)) == 5
