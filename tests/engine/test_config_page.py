"""docs/configuration.md has every key of the configuration, and its example is one."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from firmware.config import Config, EndpointTable, load_config

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
OTHER_DEFAULT = "default"  # in the remark of a value that is not the default
EXAMPLES = {"board", "csms.url", "csms.security_profile", "csms.password", "csms.accept_missing_subprotocol"}


def example() -> str:
    """The TOML of the page."""
    [block] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def tables() -> dict[str, dict[str, str]]:
    """Each table's keys with the rest of their line; what is commented out counts."""
    found: dict[str, dict[str, str]] = {"": {}}
    table = ""
    for line in example().splitlines():
        text = line.removeprefix("# ")
        if header := re.match(r"\[+([a-z0-9.]+)\]+", text):
            table = header.group(1)
            found.setdefault(table, {})
        elif pair := re.match(r"(\w+) = (.*)", text):
            found[table][pair.group(1)] = pair.group(2)
    return found


def models() -> dict[str, type[BaseModel]]:
    """Each table's model; the whole has the name of none."""
    found: dict[str, type[BaseModel]] = {"": Config, "csms.endpoints": EndpointTable}
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = field.annotation
    return found


@pytest.mark.parametrize("table", models())
def test_every_key_is_on_the_page_and_no_other(table: str) -> None:
    """A table without its keys, or a key that nobody reads, is found here."""
    known = {name for name in models()[table].model_fields if f"{table}.{name}".lstrip(".") not in tables()}
    assert set(tables()[table]) == known


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    """As it stands, and with what it has as alternatives."""
    file = tmp_path / "wayside.toml"
    file.write_text(example(), encoding="utf-8")
    config = load_config(file, environment={})
    assert config.watchdog.device == "/dev/watchdog"
    ways = example().replace("# [[csms", "[[csms").replace("# url", "url").replace("# priority", "priority")
    file.write_text(ways, encoding="utf-8")
    assert [way.url for way in load_config(file, environment={}).csms.ways] == ["wss://one.example/ocpp"]


def test_what_stands_there_is_the_default_unless_the_remark_says_so() -> None:
    """A default that changes changes the page."""
    document: dict[str, Any] = tomllib.loads(example())
    for name, model in models().items():
        values = document.get(name, {}) if name else {"board": document["board"]}
        for key, field in model.model_fields.items():
            default = field.get_default(call_default_factory=True)
            remark = tables()[name].get(key, "").partition("#")[2]
            if key not in values or OTHER_DEFAULT in remark or f"{name}.{key}".lstrip(".") in EXAMPLES:
                continue
            if default is None or default is PydanticUndefined:
                assert isinstance(values[key], str), f"{name}.{key}"  # a name, an address or a secret
                continue
            shown = tuple(values[key]) if isinstance(values[key], list) else values[key]
            assert shown == default, f"{name}.{key}"
