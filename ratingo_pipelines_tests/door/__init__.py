"""The gateway against strangers, tried from outside: `make test-door`."""
