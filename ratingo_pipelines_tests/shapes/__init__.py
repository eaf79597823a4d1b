"""What recorded answers prove of the three APIs: the paths of an answer, and which types each path has had.

The recordings themselves are not the project's and stay outside; these shapes hold nothing of what they say. They are
distilled by `python -m ratingo_pipelines_tests.shapes`, one JSON file an API: endpoint, path, types.
"""
