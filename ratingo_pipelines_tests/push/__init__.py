"""The site's own way to migrate, drizzle-kit push, against databases of ours: `make test-push`."""
