"""Tests of virtual time and of what runs in it."""
