"""Lays a version's messages and types out in modules and writes them as Python, formatted as `ruff format` would."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ocpp_client._generate.plan import VersionPlan
from ocpp_client._generate.spec import EnumSpec, FieldSpec, ObjectSpec, Role, Schemas

WIDTH = 120
MAX_LINES = 450
SHARED = "datatypes"

_IMPORTABLE = {
    "typing": ("Annotated", "Literal"),
    "pydantic": ("Field",),
    "ocpp_client.fields": (
        "Integer",
        "Json",
        "NonNegative",
        "Number",
        "Positive",
        "ShortTimestamp",
        "Tenth",
        "Timestamp",
    ),
    "ocpp_client.messages": ("Message", "Part", "Request", "Response"),
}

Definition = ObjectSpec | EnumSpec


@dataclass(frozen=True, slots=True)
class Module:
    """A module to be written: its name, what it is, and its definitions, each after those it uses."""

    name: str
    title: str
    definitions: tuple[Definition, ...]


def modules(plan: VersionPlan, schemas: Schemas) -> list[Module]:
    """Lay out a version: a type used by one module lives there, any other in the shared one.

    A module that would grow too long hands its types to `<module>_types`, the shared one its enumerations to `enums`.
    """
    owners: dict[str, set[str]] = defaultdict(set)
    for name, module in plan.modules.items():
        for action in module.actions:
            for used in _closure(schemas.messages[action], schemas.types):
                owners[used].add(name)
    shared = {name for name, modules_using in owners.items() if len(modules_using) > 1}
    if any(message.extensible for pair in schemas.messages.values() for message in pair):
        shared.add("CustomDataType")
    found: list[Module] = []
    common = Module(SHARED, "types that several modules use", tuple(_sorted(shared, schemas.types)))
    found.extend(_split(common, plan, "enums", lambda definition: isinstance(definition, EnumSpec)))
    for name, module in plan.modules.items():
        messages = [message for action in module.actions for message in schemas.messages[action]]
        own = {used for used in _closure(messages, schemas.types) if used not in shared}
        whole = Module(name, module.title, tuple(_before_use(messages, own, schemas.types)))
        found.extend(_split(whole, plan, f"{name}_types", lambda definition: definition.name in schemas.types))
    return [module for module in found if module.definitions]


def write_module(module: Module, plan: VersionPlan, homes: dict[str, str]) -> str:
    """Return the text of a module; `homes` says which module holds each generated type."""
    body = ""
    for before, definition in zip((None, *module.definitions), module.definitions, strict=False):
        if isinstance(definition, ObjectSpec) or isinstance(before, ObjectSpec):
            body += "\n\n"
        body += _definition(definition)
        if definition.name == "CustomDataType":
            body += _EXTENSIBLE
    gap = "" if isinstance(module.definitions[0], ObjectSpec) else "\n"
    return f'"""{plan.name}: {module.title}.\n\n{_NOTICE}\n"""\n\n{_imports(body, module, plan, homes)}\n{gap}{body}'


def write_package(plan: VersionPlan, schemas: Schemas, homes: dict[str, str]) -> str:
    """Return the text of the package's `__init__`: the tables of actions and types, and names that load on demand."""
    actions = [(action, name) for name, module in plan.modules.items() for action in module.actions]
    unanswered = sorted(action for action, pair in schemas.messages.items() if pair[0].role is Role.UNANSWERED)
    frozen = "frozenset()" if not unanswered else "frozenset({" + ", ".join(map(_quoted, unanswered)) + "})"
    names = sorted({*homes.values(), *plan.modules})
    return "\n".join(
        (
            f'"""The messages of {plan.name}, a module for each {_GROUPS[plan.package]}.',
            "",
            "A class is imported from its module, or from here; either way only what is used is loaded and built.",
            "",
            _NOTICE,
            '"""',
            "",
            "from typing import TYPE_CHECKING",
            "",
            *_table("ACTIONS", "The module of each action's messages.", actions),
            *_table("TYPES", "The module of each type that messages are made of.", sorted(homes.items())),
            *_table(
                "PROFILES",
                f"The {_GROUPS[plan.package]} of each module.",
                [(name, module.profile) for name, module in plan.modules.items()],
            ),
            f"UNANSWERED: frozenset[str] = {frozen}",
            '"""Actions that are sent without an answer."""',
            "",
            "if TYPE_CHECKING:",
            *(f"    from ocpp_client.{plan.package}.{name} import *  # noqa: F403" for name in names),
            "else:",
            "    from ocpp_client.catalogue import names_on_demand",
            "",
            "    __getattr__ = names_on_demand(__name__, ACTIONS, TYPES)",
            "",
        )
    )


_NOTICE = "Generated; do not edit. To write it again: `python -m ocpp_client.generate`."
_GROUPS = {"v16": "feature profile", "v201": "functional block", "v21": "functional block"}

_EXTENSIBLE = '''

class Extensible(Part):
    """An object that may carry custom data, as every object may except custom data itself."""

    custom_data: CustomDataType | None = Field(None, alias="customData")
'''


# --- Layout ----------------------------------------------------------------------------------------------------------


def _closure(roots: Iterable[ObjectSpec], types: dict[str, Definition]) -> Iterator[str]:
    """Name every type the roots are made of, each after the types it uses itself."""
    seen: set[str] = set()

    def visit(spec: ObjectSpec) -> Iterator[str]:
        for used in spec.uses():
            if used not in seen:
                seen.add(used)
                definition = types[used]
                if isinstance(definition, ObjectSpec):
                    yield from visit(definition)
                yield used

    for root in roots:
        yield from visit(root)


def _sorted(names: set[str], types: dict[str, Definition]) -> Iterator[Definition]:
    """Yield enumerations, then objects, in alphabetical order as far as use allows."""
    enums = sorted(name for name in names if isinstance(types[name], EnumSpec))
    yield from (types[name] for name in enums)
    done = set(enums)
    for name in sorted(names - done, key=lambda name: (name != "CustomDataType", name)):
        definition = types[name]
        assert isinstance(definition, ObjectSpec)
        for used in (*_closure([definition], types), name):
            if used in names and used not in done:
                done.add(used)
                yield types[used]


def _before_use(messages: Iterable[ObjectSpec], own: set[str], types: dict[str, Definition]) -> Iterator[Definition]:
    done: set[str] = set()
    for message in messages:
        for used in _closure([message], types):
            if used in own and used not in done:
                done.add(used)
                yield types[used]
        yield message


def _split(module: Module, plan: VersionPlan, other: str, moves: Callable[[Definition], bool]) -> list[Module]:
    if sum(_definition(definition).count("\n") + 2 for definition in module.definitions) <= MAX_LINES:
        return [module]
    return [
        Module(other, f"types of {module.title}", tuple(filter(moves, module.definitions))),
        Module(module.name, module.title, tuple(d for d in module.definitions if not moves(d))),
    ]


# --- Text ------------------------------------------------------------------------------------------------------------


def _definition(definition: Definition) -> str:
    return _enum(definition) if isinstance(definition, EnumSpec) else _class(definition)


def _enum(enum: EnumSpec) -> str:
    values = [_quoted(value) for value in enum.values]
    return _bracketed(f"{enum.name} = Literal[", values, "]")


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
    nullable = not field.required and field.type.annotation != "Json"
    annotation = field.type.annotation + (" | None" if nullable else "")
    arguments = [] if field.required else ["None"]
    if field.wire != field.name:
        arguments.append(f"alias={_quoted(field.wire)}")
    arguments += [f"{name}={value}" for name, value in field.type.limits]
    if arguments == ["None"]:
        yield f"    {field.name}: {annotation} = None"
    elif arguments:
        yield from _call(f"    {field.name}: {annotation} = Field(", arguments)
    else:
        yield f"    {field.name}: {annotation}"


def _call(opening: str, arguments: list[str]) -> Iterator[str]:
    one_line = f"{opening}{', '.join(arguments)})"
    if len(one_line) <= WIDTH:
        yield one_line
    else:
        yield from (opening, f"        {', '.join(arguments)}", "    )")


def _bracketed(opening: str, items: list[str], closing: str) -> str:
    one_line = f"{opening}{', '.join(items)}{closing}\n"
    if len(one_line) <= WIDTH + 1:
        return one_line
    return "\n".join((opening, *(f"    {item}," for item in items), closing)) + "\n"


def _table(name: str, meaning: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"{name} = {{"
    yield from (f"    {_quoted(key)}: {_quoted(value)}," for key, value in rows)
    yield "}"
    yield f'"""{meaning}"""'
    yield ""


def _imports(body: str, module: Module, plan: VersionPlan, homes: dict[str, str]) -> str:
    words = set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", body)))
    groups: list[list[str]] = [[], [], []]
    for number, (source, names) in zip((0, 1, 2, 2), _IMPORTABLE.items(), strict=True):
        used = [name for name in names if name in words]
        if used:
            groups[number].append(_bracketed(f"from {source} import ", used, "").rstrip())
    elsewhere: dict[str, list[str]] = defaultdict(list)
    for name in words & homes.keys():
        if homes[name] != module.name:
            elsewhere[homes[name]].append(name)
    for home, names_there in sorted(elsewhere.items()):
        source = f"from ocpp_client.{plan.package}.{home} import "
        ordered = sorted(names_there, key=_import_order)
        one_line = source + ", ".join(ordered)
        if len(one_line) > WIDTH:
            one_line = source + "(\n" + "".join(f"    {name},\n" for name in ordered) + ")"
        groups[2].append(one_line)
    return "\n\n".join("\n".join(sorted(group)) for group in groups if group)


def _import_order(name: str) -> tuple[bool, str]:
    return (not (name.isupper() and len(name) > 1), name)


def _quoted(text: str) -> str:
    return f'"{text}"'
