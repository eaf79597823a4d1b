"""Fixtures that every test may ask for."""

pytest_plugins = ["ratingo_pipelines_tests.fixtures.database", "ratingo_pipelines_tests.fixtures.sandbox"]
