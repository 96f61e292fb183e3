"""Writes modules as Python, formatted as `ruff format` would."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from ocpp_client._generate.layout import CUSTOM_DATA, Definition, Module
from ocpp_client._generate.plan import VersionPlan
from ocpp_client._generate.spec import EnumSpec, FieldSpec, ObjectSpec, Role, Schemas

WIDTH = 120

_NOTICE = "Generated; do not edit. To write it again: `python -m ocpp_client.generate`."
_GROUPS = {"v16": "feature profile", "v201": "functional block", "v21": "functional block"}

_EXTENSIBLE = '''

class Extensible(Part):
    """An object that may carry custom data, as every object may except custom data itself."""

    custom_data: CustomDataType | None = Field(None, alias="customData")
'''

_HAND_WRITTEN = {
    "typing": "Annotated Literal",
    "pydantic": "Field",
    "ocpp_client.fields": "Integer Json NonNegative Number Positive ShortTimestamp Tenth Timestamp",
    "ocpp_client.messages": "Message Part Request Response",
}
_SOURCES = {name: module for module, names in _HAND_WRITTEN.items() for name in names.split()}


def homes(layout: Iterable[Module]) -> dict[str, str]:
    """Return the module of each type that is no message."""
    found: dict[str, str] = {}
    for module in layout:
        for definition in module.definitions:
            if isinstance(definition, EnumSpec) or definition.role is Role.PART:
                found[definition.name] = module.name
            if definition.name == CUSTOM_DATA:
                found["Extensible"] = module.name
    return found


def write_module(module: Module, plan: VersionPlan, home_of: Mapping[str, str]) -> str:
    """Return the text of a module; `home_of` says which module holds each type."""
    body = ""
    before: Definition | None = None
    for definition in module.definitions:
        if isinstance(definition, ObjectSpec) or isinstance(before, ObjectSpec):
            body += "\n\n"
        body += _enum(definition) if isinstance(definition, EnumSpec) else _class(definition)
        if definition.name == CUSTOM_DATA:
            body += _EXTENSIBLE
        before = definition
    sources = _SOURCES | {
        name: f"ocpp_client.{plan.package}.{home}" for name, home in home_of.items() if home != module.name
    }
    gap = "" if isinstance(module.definitions[0], ObjectSpec) else "\n"
    return f'"""{plan.name}: {module.title}.\n\n{_NOTICE}\n"""\n\n{_imports(body, sources)}\n{gap}{body}'


def write_package(plan: VersionPlan, schemas: Schemas, home_of: Mapping[str, str]) -> str:
    """Return the text of the package's `__init__`: the tables of actions and types, and names that load on demand."""
    actions = [(action, name) for name, module in plan.modules.items() for action in module.actions]
    unanswered = sorted(action for action, pair in schemas.messages.items() if pair[0].role is Role.UNANSWERED)
    names = "{" + ", ".join(map(_quoted, unanswered)) + "}" if unanswered else ""
    modules = sorted({*home_of.values(), *plan.modules})
    group = _GROUPS[plan.package]
    return "\n".join(
        (
            f'"""The messages of {plan.name}, a module for each {group}.',
            "",
            "A class is imported from its module, or from here; either way only what is used is loaded and built.",
            "",
            _NOTICE,
            '"""',
            "",
            "from typing import TYPE_CHECKING",
            "",
            *_table("ACTIONS", "The module of each action's messages.", actions),
            *_table("TYPES", "The module of each type that messages are made of.", sorted(home_of.items())),
            *_table(
                "PROFILES",
                f"The {group} of each module.",
                [(name, module.profile) for name, module in plan.modules.items()],
            ),
            f"UNANSWERED: frozenset[str] = frozenset({names})",
            '"""Actions that are sent without an answer."""',
            "",
            "if TYPE_CHECKING:",
            *(f"    from ocpp_client.{plan.package}.{name} import *  # noqa: F403" for name in modules),
            "else:",
            "    from ocpp_client.catalogue import names_on_demand",
            "",
            "    __getattr__ = names_on_demand(__name__, ACTIONS, TYPES)",
            "",
        )
    )


def _imports(body: str, sources: Mapping[str, str]) -> str:
    words = set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", body)))
    names: dict[str, list[str]] = defaultdict(list)
    for name in sorted(words & sources.keys(), key=_import_order):
        names[sources[name]].append(name)
    lines: dict[bool | None, list[str]] = {None: [], False: [], True: []}  # standard library, others, our own
    for module in sorted(names):
        place = None if module == "typing" else module.startswith("ocpp_client.")
        lines[place].append(_import(module, names[module]))
    return "\n\n".join("\n".join(section) for section in lines.values() if section)


def _import(module: str, names: list[str]) -> str:
    one_line = f"from {module} import {', '.join(names)}"
    if len(one_line) <= WIDTH:
        return one_line
    return "\n".join((f"from {module} import (", *(f"    {name}," for name in names), ")"))


def _import_order(name: str) -> tuple[bool, str]:
    """Sort as ruff does: names in capitals are constants and come first."""
    return (not (name.isupper() and len(name) > 1), name)


def _enum(enum: EnumSpec) -> str:
    values = [_quoted(value) for value in enum.values]
    one_line = f"{enum.name} = Literal[{', '.join(values)}]"
    if len(one_line) <= WIDTH:
        return one_line + "\n"
    return "\n".join((f"{enum.name} = Literal[", *(f"    {value}," for value in values), "]")) + "\n"


def _class(spec: ObjectSpec) -> str:
    lines = [f"class {spec.name}({', '.join(_bases(spec))}):"]
    if spec.open_ended:
        lines += ["    __pydantic_extra__: dict[str, Json]", ""]
    for field in spec.fields:
        lines += _field(field)
    if not spec.fields:
        lines.append("    pass")
    return "\n".join(lines) + "\n"


def _bases(spec: ObjectSpec) -> Iterator[str]:
    if spec.extensible:
        yield "Extensible"
    match spec.role:
        case Role.REQUEST:
            yield f'Request["{spec.name.removesuffix("Request")}Response"]'
        case Role.PART if spec.extensible:
            pass
        case role:
            yield role.value
    if spec.open_ended:
        yield 'extra="allow"'


def _field(field: FieldSpec) -> Iterator[str]:
    if field.absent is not None and not field.required:
        yield f"    # Absent means {field.absent}."
    holds_none = field.type.annotation == "Json"
    annotation = field.type.annotation + ("" if field.required or holds_none else " | None")
    arguments = [] if field.required else ["None"]
    if field.wire != field.name:
        arguments.append(f"alias={_quoted(field.wire)}")
    arguments += [f"{name}={value}" for name, value in field.type.limits]
    opening = f"    {field.name}: {annotation}"
    inside = ", ".join(arguments)
    if not arguments:
        yield opening
    elif arguments == ["None"]:
        yield f"{opening} = None"
    elif len(one_line := f"{opening} = Field({inside})") <= WIDTH:
        yield one_line
    else:
        yield from (f"{opening} = Field(", f"        {inside}", "    )")


def _table(name: str, meaning: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"{name} = {{"
    yield from (f"    {_quoted(key)}: {_quoted(value)}," for key, value in rows)
    yield "}"
    yield f'"""{meaning}"""'
    yield ""


def _quoted(text: str) -> str:
    return f'"{text}"'
