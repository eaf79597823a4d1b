"""What Dagster hands to assets, ops, checks and sensors: a resource that vends plain objects.

It has no configuration of its own: settings come from the environment, so that no value, least of all a secret,
shows in the UI.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ratingo_pipelines.defs.conclusion import errors_as_failures
from ratingo_pipelines.settings import UPSTREAM_KEYS, Settings, load_settings
from ratingo_pipelines.storage.engine import Database, open_database
from ratingo_pipelines.sync.context import SyncContext, open_sync_context


class RatingoResource(dg.ConfigurableResource):
    """Opens the database and the three APIs as the environment names them."""

    @contextmanager
    def open(self) -> Iterator[SyncContext]:
        """Open the sync context for one step; what cannot go on is raised as a `Failure` that says what to do."""
        with errors_as_failures(), open_sync_context(load_settings(requires=UPSTREAM_KEYS)) as ctx:
            yield ctx

    @contextmanager
    def reading(self) -> Iterator[tuple[Settings, Database]]:
        """Open the database alone, for who only looks; no keys are needed."""
        with errors_as_failures():
            settings = load_settings()
            database = open_database(settings)
            try:
                yield settings, database
            finally:
                database.dispose()
