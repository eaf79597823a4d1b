"""The schema's history: one Alembic tree for SQLite and PostgreSQL, run by `schema.upgrade`.

Revisions describe the tables as they were then, and do not import `tables.py`, which describes them as they are.
Tables of this project's own are made with `MetaData(schema=own_schema())`; comments are put by every upgrade.
"""
