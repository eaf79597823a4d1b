"""The few pages of the gateway's own that people see; Dagster's UI is the webserver's."""
