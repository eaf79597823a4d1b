"""What Dagster hands to assets and ops: a resource that vends the plain toolkit.

It has no configuration of its own: settings come from the environment, so that no value, least of all a secret,
shows in the UI.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ratingo_pipelines.defs.failures import explained
from ratingo_pipelines.settings import UPSTREAM_KEYS, load_settings
from ratingo_pipelines.sync.toolkit import Toolkit, open_toolkit


class RatingoResource(dg.ConfigurableResource):
    """Opens the database and the three APIs as the environment names them."""

    @contextmanager
    def open(self) -> Iterator[Toolkit]:
        """Open the toolkit for one step; what cannot go on is raised as a Dagster `Failure` that says what to do."""
        with explained(), open_toolkit(load_settings(requires=UPSTREAM_KEYS)) as kit:
            yield kit
