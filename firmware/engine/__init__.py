"""Drives the core: hardware in, facts to disk, levels out. Knows devices and the queue, but no protocol."""
