"""The revisions, in order. The newest one's id is `schema.HEAD`."""
