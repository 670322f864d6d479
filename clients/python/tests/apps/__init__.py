"""The applications that the tests host, one module a topic."""
