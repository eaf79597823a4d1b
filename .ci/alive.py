"""What is in use though nobody in this code names it; vulture reads this file, nothing runs it.

A line leaves with what it names: vulture tells of dead code, and nobody of a dead exception.
"""

# Called by libraries, by these names.
_.from_config_value, _.config_type, _.process_result_value, _.load_dialect_impl  # Dagster's storage; SQLAlchemy's types
_.init_poolmanager, _.get_redirect_target, _._prune_redirects, _.render  # requests, requests-cache, Starlette
_.handle_error, _.disable_nagle_algorithm  # socketserver
blocking, resp, trace, client_address  # parameters of those

_.convert, _.get_viewer_tags, _.handleError, _.collect  # click, Dagster, logging, Prometheus
pytest_configure, pytest_terminal_summary, pytest_collection_modifyitems  # pytest
_.AttributingRunCoordinator, AttributingRunCoordinator  # named by dagster.yaml
(
    WatchfulCeleryRunLauncher,
    _.check_run_worker_health,
    _.terminate,
)  # named by deploy/celery/dagster.yaml; Dagster's names
refuse  # a listener of SQLAlchemy's events

# Read by libraries.
_._engine, _.isolation_level  # Dagster's storage; sqlite3
_.trust_env, _._content, _.pool_classes_by_scheme, ConnectionCls, _.response_class  # requests, urllib3
_.should_exit, _.msg, _.binary_location, _.globals  # uvicorn, logging, selenium, Jinja
daemon_threads, allow_reuse_address, request_queue_size  # socketserver
pytest_plugins, pytestmark  # pytest

_.handshake_complete  # uvicorn

# Fields of the endpoints' answers, which pydantic writes out.
trending_fetched, job_id, tasks_queued, buckets_upserted, backfill, error_count

# Read by name, as `getattr` of a value in a table.
flatrate, ads, rent, buy, original_title, first_air_date, release_date  # TMDB's fields
last_episode, next_episode  # of a title's facts
three_months, trailers, rose  # of what is being watched, for JSON, CSV and pages
DELTA, DELTA_3M  # orders that a list may be asked for in

# For whoever points another program at the sandbox, as tests do.
_.url_of

# What the site reads: benchmarks and tests hold it to its speed.
title_page
