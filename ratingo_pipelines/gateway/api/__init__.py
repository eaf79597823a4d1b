"""The endpoints under `/api`, and what they do: launch runs, wait for them, tell how far a cycle is."""
