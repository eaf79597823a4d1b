"""The worked examples of the documents, run as they stand."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest

from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sync.trust.parts import FactPart
from ratingo_pipelines_tests.defs.conftest import Installation, installed
from ratingo_pipelines_tests.gateway.documents import BLOCK, ROOT

__all__ = ["installed"]


def python_of(document: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return [block for language, block in BLOCK.findall(text) if language == "python"]


@pytest.fixture
def digest() -> Iterator[dg.AssetsDefinition]:
    """The digest's asset, from the modules of the document."""
    made = {}
    for name, text in zip(("sync.digest", "defs.digest"), python_of("adding-an-asset.md"), strict=True):
        module = ModuleType(f"ratingo_pipelines.{name}")
        sys.modules[module.__name__] = made[name] = module
        exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - our own document
    yield made["defs.digest"].shows_weekly_digest
    for module in made.values():
        del sys.modules[module.__name__]


def test_the_example_of_an_asset_materializes_with_its_digest(
    installed: Installation, digest: dg.AssetsDefinition
) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")

    result = dg.materialize([digest], instance=installed.instance, resources={"ratingo": RatingoResource()})

    [done] = result.asset_materializations_for_node("shows__weekly_digest")
    assert done.metadata["dagster/row_count"].value
    assert str(done.metadata["digest"].value).startswith("1. ")
    assert digest.descriptions_by_key[digest.key] == "The shows that rose most in three months."


def test_the_example_of_a_source_asks_it(installed: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    told = [entry["facts"] for entry in installed.sandbox.truth(SHOWS) if entry["skip"] is None]
    known = next(facts["row"]["imdb_id"] for facts in told if facts["after_omdb"]["rating_imdb"])
    [text] = python_of("adding-a-source.md")

    exec(text.replace("tt0903747", known), {})  # noqa: S102 - our own document

    assert float(capsys.readouterr().out.split()[0]) > 0


def test_the_files_that_the_examples_name_are_there() -> None:
    named = set()
    for document in ("adding-a-source.md", "adding-an-asset.md"):
        text = (ROOT / "docs" / document).read_text(encoding="utf-8")
        named |= {Path(path) for path in re.findall(r"`(ratingo_pipelines\w*/[\w/]+\.py)`", text)}

    assert len(named) > 12
    assert {str(path) for path in named if not (ROOT / path).exists() and path.name != "digest.py"} == {
        "ratingo_pipelines_tests/sync/test_digest.py"
    }


@pytest.mark.parametrize("document", ["SYNC-GUIDE.md", "SYNC-GUIDE.uk.md"])
def test_the_guide_names_every_part_that_can_be_accepted(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    section = next(part for part in text.split("\n## ") if "ratingo doubts accept providers" in part)
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(FactPart)
