"""Drivers for Wayside, found by their entry points."""
