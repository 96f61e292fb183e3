"""docs/csms.md says nothing that the program does not do."""

import argparse
import ast
import importlib
import re
from pathlib import Path

import pytest

from csms.api import build_api
from csms.app import Csms
from csms.books import Oddity
from csms.core.effects import OutcomeKind
from csms.doors.__main__ import parser
from csms.faults.plan import AnswerRule, Boot, CallRule, MessageRule, UpgradeRule
from csms.options import add_arguments

PAGE = (Path(__file__).parents[2] / "docs" / "csms.md").read_text()
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", CODE)
def test_every_name_in_the_code_exists(code: str) -> None:
    """Each example is Python, and what it imports is there."""
    tree = ast.parse(code, feature_version=(3, 11)) if "await" not in code else ast.parse(_inside_a_function(code))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)


def _inside_a_function(code: str) -> str:
    return "async def example():\n" + "\n".join(f"    {line}" for line in code.splitlines())


def test_every_option_exists() -> None:
    """The options of the commands shown are those of the programs."""
    csms, doors = argparse.ArgumentParser(), parser()
    add_arguments(csms)
    known = csms.format_help()
    kinds = next(each for each in doors._actions if isinstance(each, argparse._SubParsersAction)).choices
    for line in re.findall(r"^    (?:wayside csms|python -m csms\.doors) .*$", PAGE, re.MULTILINE):
        words = line.split("#")[0].split()
        text = known if words[0] == "wayside" else kinds[words[3]].format_help()
        for option in re.findall(r"--[a-z-]+", line):
            assert option in text, line


def test_every_address_of_the_api_exists() -> None:
    """The paths shown lead to routes."""
    app = build_api(Csms(), guarded=False)
    patterns = [re.sub(r"{\w+(?::\w+)?}", "[^/]+", each.path) for each in app.routes]  # type: ignore[attr-defined]
    shown = re.findall(r"\$API(/[^\s\"?]*)", PAGE)
    assert len(shown) > 20
    for path in shown:
        assert any(re.fullmatch(pattern, f"/api{path}") for pattern in patterns), path


def test_every_word_of_the_tables_is_there() -> None:
    """Faults, outcomes and anomalies are all listed."""
    rules = [*AnswerRule.__args__, *MessageRule.__args__, *UpgradeRule.__args__, CallRule, Boot]
    faults = [rule.model_fields["fault"].annotation.__args__[0] for rule in rules]
    for word in (*faults, *(kind.value for kind in OutcomeKind), *(oddity.value for oddity in Oddity)):
        assert f"`{word}`" in PAGE, word
