"""Dagster's own storage in PostgreSQL, for `deploy/dagster.yaml`: takes the URL in any spelling.

SQLAlchemy 2.1 reads `postgresql://` as psycopg 3 (`sqlalchemy.dialects.postgresql`), while dagster-postgres brings
psycopg2.
"""

from typing import Any, Self

import dagster as dg
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import create_engine

from ratingo_pipelines.dagster_instance.internals import ConfigurableClassData, UserConfigSchema
from ratingo_pipelines.storage.engine import normalised_url

URL = "postgres_url"
VARIABLE = "DAGSTER_DATABASE_URL"
POOL_OVERFLOW = 20


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
        # Dagster connects anew, and twice, for each event (`dagster_postgres.event_log.event_log`: its engine keeps no
        # connection), and a run logs hundreds.
        storage._event_log_storage._engine = create_engine(
            url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, pool_size=1, max_overflow=POOL_OVERFLOW
        )
        return storage
