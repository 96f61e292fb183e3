"""The device model of OCPP 2.0.1 (edition 3, part 2, section 3.2, and use cases B05 to B08): components, variables, attributes.

A variable is a view: of a setting of the core, or of something the station knows. Nothing is stored here. Names compare without regard
to case; only the attribute Actual exists.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from firmware.core.settings import AnySetting
from firmware.core.values import Outcome, rejected
from firmware.ocpp201.setting_rows import NO_LIMITS, Kind, Limits
from ocpp_client.v201.datatypes import ComponentType, EVSEType, VariableType
from ocpp_client.v201.provisioning import (
    AttributeEnumType,
    MutabilityEnumType,
    ReportDataType,
    VariableAttributeType,
    VariableCharacteristicsType,
)

MAX_VALUE = 2500
LISTS: frozenset[Kind] = frozenset({"OptionList", "SequenceList", "MemberList"})


@dataclass(frozen=True, slots=True)
class Component:
    """Where a variable belongs: the station, an EVSE or a connector, or a part of it."""

    name: str
    instance: str | None = None
    evse: int | None = None
    connector: int | None = None

    @property
    def key(self) -> tuple[str, str, int | None, int | None]:
        """What a component is found by."""
        return self.name.casefold(), (self.instance or "").casefold(), self.evse, self.connector

    @classmethod
    def of(cls, given: ComponentType) -> "Component":
        """A component as a message names it."""
        evse = given.evse
        return cls(given.name, given.instance, evse.id if evse else None, evse.connector_id if evse else None)

    def told(self) -> ComponentType:
        """The reverse of `of`."""
        evse = EVSEType(id=self.evse, connector_id=self.connector) if self.evse is not None else None
        return ComponentType(name=self.name, instance=self.instance, evse=evse)


Missing = Literal["UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"]
Write = Callable[[str], Outcome]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `read` None: write-only; `write` None: read-only. `setting` is named where there is one."""

    component: Component
    name: str
    kind: Kind
    read: Callable[[], str] | None
    write: Write | None = field(default=None, repr=False)
    instance: str | None = None
    unit: str | None = None
    limits: Limits = NO_LIMITS
    setting: AnySetting | None = None
    constant: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What a variable is found by within its component."""
        return self.name.casefold(), (self.instance or "").casefold()

    @property
    def mutability(self) -> MutabilityEnumType:
        """Who may do what."""
        if self.read is None:
            return "WriteOnly"
        return "ReadOnly" if self.write is None else "ReadWrite"

    def told(self) -> VariableType:
        """The variable as a message names it."""
        return VariableType(name=self.name, instance=self.instance)

    def report(self) -> ReportDataType:
        """Attribute and characteristics, without the value of a variable that cannot be read (errata to B07)."""
        attribute = VariableAttributeType(
            value=self.read()[:MAX_VALUE] if self.read is not None else None,
            mutability=self.mutability,
            persistent=True if self.write is not None else None,
            constant=True if self.constant else None,
        )
        limits = self.limits
        characteristics = VariableCharacteristicsType(
            data_type=self.kind,
            unit=self.unit,
            min_limit=limits.minimum,
            max_limit=limits.maximum,
            values_list=",".join(limits.values) or None,
            supports_monitoring=False,
        )
        return ReportDataType(
            component=self.component.told(),
            variable=self.told(),
            variable_attribute=(attribute,),
            variable_characteristics=characteristics,
        )

    def set(self, value: str) -> Outcome:
        """Write a value that fits kind and limits."""
        if self.write is None:
            return rejected("ReadOnly")
        problem = self._problem(value)
        return problem if problem is not None else self.write(value)

    def _problem(self, value: str) -> Outcome | None:
        if self.kind == "boolean" and value not in ("true", "false"):
            return rejected("InvalidValue", "expected true or false")
        if self.kind == "integer":
            return self._number_problem(value)
        if self.kind in LISTS:
            return self._list_problem(value)
        return self._length_problem(value) if self.kind == "string" else None

    def _length_problem(self, value: str) -> Outcome | None:
        limits = self.limits
        if limits.maximum is not None and len(value) > limits.maximum:
            return rejected("InvalidValue", f"at most {limits.maximum:g} characters")
        if limits.minimum is not None and len(value) < limits.minimum:
            return rejected("InvalidValue", f"at least {limits.minimum:g} characters")
        return None

    def _number_problem(self, value: str) -> Outcome | None:
        if not value.isascii() or not value.removeprefix("-").isdecimal():
            return rejected("InvalidValue", "expected a whole number")
        number, limits = int(value), self.limits
        if limits.minimum is not None and number < limits.minimum:
            return rejected("ValueTooLow", f"at least {limits.minimum:g}")
        if limits.maximum is not None and number > limits.maximum:
            return rejected("ValueTooHigh", f"at most {limits.maximum:g}")
        return None

    def _list_problem(self, value: str) -> Outcome | None:
        items = value.split(",") if value else []
        if self.kind == "OptionList" and len(items) != 1:
            return rejected("InvalidValue", "expected one item")
        if len(set(items)) < len(items):
            return rejected("InvalidValue", "an item comes twice")
        strange = [item for item in items if item not in self.limits.values]
        return rejected("InvalidValue", f"no item {strange[0]!r}") if strange else None


class DeviceModel:
    """All variables of the station, in the order in which they are reported."""

    def __init__(self, variables: Iterable[Variable]) -> None:
        self._components: dict[tuple[str, str, int | None, int | None], dict[tuple[str, str], Variable]] = {}
        for variable in variables:
            self._components.setdefault(variable.component.key, {})[variable.key] = variable

    def __iter__(self) -> Iterator[Variable]:
        for variables in self._components.values():
            yield from variables.values()

    def component(self, key: tuple[str, str, int | None, int | None]) -> Iterable[Variable]:
        """The variables of one component."""
        return self._components.get(key, {}).values()

    def find(
        self, component: ComponentType, variable: VariableType, attribute: AttributeEnumType | None
    ) -> "Variable | Missing":
        """A variable, or the word for why there is none."""
        variables = self._components.get(Component.of(component).key)
        if variables is None:
            return "UnknownComponent"
        found = variables.get((variable.name.casefold(), (variable.instance or "").casefold()))
        if found is None:
            return "UnknownVariable"
        return found if attribute in (None, "Actual") else "NotSupportedAttributeType"
