"""Lays a version's messages and types out in modules."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ocpp_client._generate.plan import VersionPlan
from ocpp_client._generate.spec import EnumSpec, ObjectSpec, Schemas

SHARED = "datatypes"
SHARED_ENUMS = "enums"
CUSTOM_DATA = "CustomDataType"
"""The base of the later versions' objects holds it, so it comes first of all shared objects."""
MAX_SHARED = 50
"""More shared types than this would make one module too long; their enumerations then get a module of their own."""

Definition = ObjectSpec | EnumSpec


@dataclass(frozen=True, slots=True)
class Module:
    """A module to be written: its name, what it is, and its definitions, each after those it uses."""

    name: str
    title: str
    definitions: tuple[Definition, ...]


def modules(plan: VersionPlan, schemas: Schemas) -> list[Module]:
    """Lay out a version: a type used by one module stands there, before its first user; any other is shared."""
    users: dict[str, set[str]] = defaultdict(set)
    for name, module in plan.modules.items():
        for action in module.actions:
            for used in _parts(schemas.messages[action], schemas.types):
                users[used].add(name)
    shared = {name for name, using in users.items() if len(using) > 1} | schemas.types.keys() & {CUSTOM_DATA}
    found = _shared_modules(shared, schemas.types)
    for name, module in plan.modules.items():
        messages = [message for action in module.actions for message in schemas.messages[action]]
        own = schemas.types.keys() - shared
        found.append(Module(name, module.title, tuple(_before_use(messages, own, schemas.types))))
    return found


def _shared_modules(names: set[str], types: dict[str, Definition]) -> list[Module]:
    in_order = [types[name] for name in sorted(names, key=lambda name: (name != CUSTOM_DATA, name))]
    enums = [definition for definition in in_order if isinstance(definition, EnumSpec)]
    objects = [definition for definition in in_order if isinstance(definition, ObjectSpec)]
    ordered = list(_before_use(objects, {spec.name for spec in objects}, types))
    if len(names) <= MAX_SHARED:
        return [Module(SHARED, "types that several modules use", (*enums, *ordered))]
    return [
        Module(SHARED_ENUMS, "enumerations that several modules use", tuple(enums)),
        Module(SHARED, "types that several modules use", tuple(ordered)),
    ]


def _parts(roots: Iterable[ObjectSpec], types: dict[str, Definition]) -> Iterator[str]:
    """Name every type the roots are made of, each after the types it is made of itself."""
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


def _before_use(
    roots: Iterable[ObjectSpec], wanted: Iterable[str], types: dict[str, Definition]
) -> Iterator[Definition]:
    """Yield the roots in their order, and before each those of its wanted parts that were not yielded yet."""
    waiting = set(wanted)
    done: set[str] = set()
    for root in roots:
        for name in _parts([root], types):
            if name in waiting and name not in done:
                done.add(name)
                yield types[name]
        if root.name not in done:
            done.add(root.name)
            yield root
