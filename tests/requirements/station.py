"""What this station does, asked of the program itself: messages, keys and variables of each version."""

import ast
import asyncio
import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from boards import find_board, load_board
from firmware.commands.common import open_app
from firmware.config import load_config

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Setting:
    """A configuration key, or a variable. `component` is empty for a key."""

    component: str
    name: str
    access: str
    value: str

    @property
    def title(self) -> str:
        """The full name."""
        return f"{self.component}.{self.name}" if self.component else self.name


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the protocol as this station speaks it."""

    protocol: str
    groups: dict[str, str]  # action -> feature profile or functional block
    answered: frozenset[str]  # CALLs of the central system
    sent: frozenset[str]  # CALLs of the station
    settings: tuple[Setting, ...]


def versions() -> tuple[Version, Version]:
    """Both, from a station on the mock board with everything switched on."""
    old, new = (asyncio.run(_open(protocol)) for protocol in ("ocpp1.6", "ocpp2.0.1"))
    return (
        Version("ocpp1.6", _groups("v16"), old[0], _sent("ocpp16", "v16"), old[1]),
        Version("ocpp2.0.1", _groups("v201"), new[0], _sent("ocpp201", "v201"), new[1]),
    )


def _groups(package: str) -> dict[str, str]:
    tables = importlib.import_module(f"ocpp_client.{package}")
    return {action: tables.PROFILES[module] for action, module in tables.ACTIONS.items()}


async def _open(protocol: str) -> tuple[frozenset[str], tuple[Setting, ...]]:
    config = load_config(None, environment={}, overrides={"csms.protocols": protocol, "control.enabled": "false"})
    with tempfile.TemporaryDirectory() as directory:
        app = await open_app(config, load_board(find_board("mock")), Path(directory))
        try:
            translator = cast("Any", app.translator)
            read = _keys if protocol == "ocpp1.6" else _variables
            return translator.actions, read(translator)
        finally:
            await app.queue.close()


def _keys(translator: Any) -> tuple[Setting, ...]:
    found = (translator.configuration.get(name) for name in translator.configuration.names())
    return tuple(
        Setting("", key.key, "read-only" if key.readonly else "writable", key.value or "") for key in found if key
    )


_ACCESS = {"ReadOnly": "read-only", "WriteOnly": "write-only", "ReadWrite": "writable"}
_OF_NOW = frozenset({"DateTime"})


def _variables(translator: Any) -> tuple[Setting, ...]:
    found: dict[str, Setting] = {}
    for variable in translator.model:
        name = variable.name + (f"[{variable.instance}]" if variable.instance else "")
        value = variable.read() if variable.read is not None and variable.name not in _OF_NOW else ""
        setting = Setting(variable.component.name, name, _ACCESS[variable.mutability], value)
        found.setdefault(setting.title, setting)  # the same at every EVSE
    return tuple(found[title] for title in sorted(found))


def _sent(room: str, package: str) -> frozenset[str]:
    """Actions whose requests are made somewhere in a translator: called, or handed over to be called."""
    actions = importlib.import_module(f"ocpp_client.{package}").ACTIONS
    found = set()
    for path in sorted((ROOT / "firmware" / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        annotations = {id(name) for node in ast.walk(tree) for name in _annotated(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in annotations and node.id.endswith("Request"):
                found.add(node.id.removesuffix("Request"))
    return frozenset(found) & frozenset(actions)


def _annotated(node: ast.AST) -> list[ast.AST]:
    """Names that only say of which kind something is."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        return list(ast.walk(node.annotation))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        return list(ast.walk(node.returns))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
        return [part for argument in node.args for part in ast.walk(argument)]
    return []
