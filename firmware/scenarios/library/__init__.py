"""The scenarios that ship with the program."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from firmware.scenarios.format import Scenario, ScenarioError, parse


def names() -> list[str]:
    """All of them, in alphabetical order."""
    return sorted(each.name.removesuffix(".toml") for each in files(__name__).iterdir() if each.name.endswith(".toml"))


def text(name: str) -> str:
    """The file of one. Raises ScenarioError naming what there is."""
    if name not in names():
        raise ScenarioError(f"there is no scenario {name!r}; there are: {', '.join(names())}")
    return _file(name).read_text(encoding="utf-8")


def get(name: str) -> Scenario:
    """One of them. Raises ScenarioError."""
    return parse(text(name), name=name, source=f"{name}.toml")


def _file(name: str) -> Traversable:
    return files(__name__).joinpath(f"{name}.toml")
