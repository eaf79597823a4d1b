"""Fixtures of the tests of who may do what."""

from pathlib import Path

import pytest


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file of tokens."""
    return tmp_path / "tokens"
