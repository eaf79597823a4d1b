"""The database: tables, connections, and named reads and writes over them.

One set of SQLAlchemy Core tables for SQLite and PostgreSQL. Nothing here knows the upstream APIs, and nothing
outside of here writes SQL.
"""
