"""Dagster's own storage in PostgreSQL, for `deploy/dagster.yaml`: takes the URL in any spelling.

SQLAlchemy 2.1 reads `postgresql://` as psycopg 3 (`sqlalchemy.dialects.postgresql`), while dagster-postgres brings
psycopg2.
"""

from collections.abc import Sequence
from typing import Any, Self

import dagster as dg
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from sqlalchemy import create_engine

from ratingo_pipelines.dagster_instance.internals import (
    ConfigurableClassData,
    SqlEventLogStorageTable,
    UserConfigSchema,
)
from ratingo_pipelines.dagster_instance.together import HeldEvents, last_of_each_asset
from ratingo_pipelines.storage.engine import normalised_url

URL = "postgres_url"
VARIABLE = "DAGSTER_DATABASE_URL"
POOL_OVERFLOW = 20


class PooledEventLog(PostgresEventLogStorage):
    """The event log on connections that stay open, which stores materializations together where it is asked to.

    Dagster's own connects anew, and twice, for each event (`dagster_postgres.event_log.event_log`: its engine keeps no
    connection), and a run logs hundreds.
    """

    def __init__(self, inst_data: ConfigurableClassData | None, postgres_url: str) -> None:
        """Open the log of a database whose tables are there."""
        super().__init__(postgres_url, should_autocreate_tables=False, inst_data=inst_data)
        self._engine = create_engine(
            postgres_url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, pool_size=1, max_overflow=POOL_OVERFLOW
        )
        self.held = HeldEvents(self._store_together)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event."""
        if not self.held.take(event):
            super().store_event(event)

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()
        self._engine.dispose()

    def _store_together(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store materializations, as `PostgresEventLogStorage.store_event` does one."""
        numbered = SqlEventLogStorageTable.insert().returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        with self.index_transaction() as conn:
            ids = conn.scalars(numbered, [self._event_to_row(event) for event in events]).all()
            self._store_asset_event_tags(conn, events, ids)
            for event, id_ in last_of_each_asset(events, ids):
                self._store_asset_event(conn, event, id_)


class PostgresStorage(DagsterPostgresStorage):
    """Runs, events and schedules in one PostgreSQL database."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The URL alone, which may come from the environment."""
        return {URL: dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Open the storage; its tables are made if they are missing."""
        url = normalised_url(config_value[URL], VARIABLE).render_as_string(hide_password=False)
        storage = cls(inst_data=inst_data, postgres_url=url)
        storage._event_log_storage.dispose()
        storage._event_log_storage = PooledEventLog(inst_data, url)
        return storage
