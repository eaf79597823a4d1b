-- Dagster's tables have a database of their own: the site's migrations would drop them in its schema.
CREATE DATABASE dagster;
