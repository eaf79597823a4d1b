"""Benchmarks against the sandbox: `python -m benchmarks [topic ...]`, or `make bench` for all. Results: results.md.

One module a topic; each says what it measures in its docstring and yields `Figure`s. They assert nothing.
"""
