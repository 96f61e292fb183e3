"""The commands of `wayside`, one module each: `add_arguments(parser)` and `run(args) -> int`."""
