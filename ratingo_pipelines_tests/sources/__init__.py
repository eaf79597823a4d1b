"""Tests of the clients of the upstream APIs and of the session they share."""
