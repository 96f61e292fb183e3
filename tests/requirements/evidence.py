"""Which tests exercise a message, a key or a variable: read from what the tests say, by name.

A test exercises what it, or a helper that it calls, names as text: an action, a key, or a component together with a variable. Those
that name a thing themselves come before those that reach it through a helper, those that name few things before those that name many.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOMS = {"ocpp1.6": ("tests/station", "tests/services", "tests/ocpp16"), "ocpp2.0.1": ("tests/ocpp201",)}
HELPERS = ("tests/station/play.py",)
DEPTH = 3  # helpers that call helpers


@dataclass(frozen=True, slots=True)
class Said:
    """What a function names: texts, and neighbouring texts in a call or a tuple."""

    texts: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "Said") -> "Said":
        return Said(self.texts | other.texts, self.pairs | other.pairs)


@dataclass(frozen=True, slots=True)
class Function:
    """One function at the top of a test file or of a class there."""

    name: str
    file: str
    said: Said
    calls: frozenset[str]


@dataclass(frozen=True, slots=True)
class Test:
    """One test: where it is, what it says, and what its helpers say for it."""

    place: str
    own: Said
    reached: Said


def tests_of(protocol: str, root: Path) -> tuple[Test, ...]:
    """Every test of a version."""
    files = [path for room in ROOMS[protocol] for path in sorted((root / room).glob("*.py"))]
    files += [root / name for name in HELPERS if not name.startswith(ROOMS[protocol])]
    functions = [function for path in files for function in _functions(path, root)]
    helpers: dict[str, list[Function]] = {}
    for function in functions:
        if not function.name.startswith("test_"):
            helpers.setdefault(function.name, []).append(function)
    return tuple(
        Test(f"{function.file}::{function.name}", function.said, _reached(function, helpers, DEPTH))
        for function in functions
        if function.name.startswith("test_")
    )


def exercising(tests: Sequence[Test], named: Callable[[Said], bool]) -> list[str]:
    """The tests that name a thing, the most telling first."""
    found = [test for test in tests if named(test.reached)]
    found.sort(key=lambda test: (not named(test.own), len(test.own.texts), test.place))
    return [test.place for test in found]


def _functions(path: Path, root: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = dict(_constants(tree))
    tops = [*tree.body, *(inner for node in tree.body if isinstance(node, ast.ClassDef) for inner in node.body)]
    for node in tops:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes = [part for part in ast.walk(node) if part is not node.body[0]]  # not what its docstring says
            docstring = ast.get_docstring(node, clean=False)
            used = {part.id for part in nodes if isinstance(part, ast.Name)} & set(constants)
            nodes += [part for name in sorted(used) for part in ast.walk(constants[name])]
            texts = _texts(nodes) - {docstring or ""}
            said = Said(texts, _pairs(nodes))
            yield Function(node.name, path.relative_to(root).as_posix(), said, _calls(nodes))


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _texts(nodes: Sequence[ast.AST]) -> frozenset[str]:
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _pairs(nodes: Sequence[ast.AST]) -> frozenset[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for node in nodes:
        parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        words = [part.value if isinstance(part, ast.Constant) else None for part in parts]
        found |= {(one, two) for one, two in pairwise(words) if isinstance(one, str) and isinstance(two, str)}
    return frozenset(found)


def _calls(nodes: Sequence[ast.AST]) -> frozenset[str]:
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = {func.id for func in called if isinstance(func, ast.Name)}
    return frozenset(names | {func.attr for func in called if isinstance(func, ast.Attribute)})


def _reached(function: Function, helpers: dict[str, list[Function]], depth: int) -> Said:
    said = function.said
    for name in sorted(function.calls) if depth else ():
        there = helpers.get(name, [])
        near = [helper for helper in there if helper.file == function.file]
        for helper in near or there:
            said |= _reached(helper, helpers, depth - 1)
    return said
