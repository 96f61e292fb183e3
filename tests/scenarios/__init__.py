"""Scenarios: the format, the runner, the library."""
