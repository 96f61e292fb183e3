"""Finds the models of a version by action, and loads only those that are used.

A version's package holds the tables (`ACTIONS`, `TYPES`, `PROFILES`, `UNANSWERED`); its modules hold the models and
are imported on first use. Neither this module nor a version's package builds a model by being imported.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ocpp_client.errors import OcppError

if TYPE_CHECKING:
    from ocpp_client.messages import Message

_PACKAGES = {"ocpp1.6": "ocpp_client.v16", "ocpp2.0.1": "ocpp_client.v201", "ocpp2.1": "ocpp_client.v21"}


class UnknownAction(OcppError, LookupError):
    """There is no such message in this version of the protocol."""

    kind = "unknown-action"


class Catalogue:
    """The messages of one version. `protocol` is its WebSocket subprotocol name, `actions` all its action names.

    `unanswered` are the actions that are sent without an answer (SEND of OCPP 2.1); they have no response model.
    """

    def __init__(self, protocol: str, package: str) -> None:
        tables = import_module(package)
        self.protocol = protocol
        self.actions: frozenset[str] = frozenset(tables.ACTIONS)
        self.unanswered: frozenset[str] = tables.UNANSWERED
        self._package = package
        self._module_of: Mapping[str, str] = tables.ACTIONS
        self._profile_of: Mapping[str, str] = tables.PROFILES
        self._loaded: dict[str, type[Message]] = {}

    def request(self, action: str) -> "type[Message]":
        """Return the model of an action's request. Raises UnknownAction."""
        return self._model(action, "Request")

    def response(self, action: str) -> "type[Message]":
        """Return the model of an action's response. Raises UnknownAction, also for an unanswered action."""
        if action in self.unanswered:
            raise UnknownAction(f"{action} of {self.protocol} is sent without an answer and has no response")
        return self._model(action, "Response")

    def action_of(self, message: "Message | type[Message]") -> str:
        """Return the action of a request or response. Raises UnknownAction for one of another version."""
        model = message if isinstance(message, type) else type(message)
        action = model.__name__.removesuffix("Request").removesuffix("Response")
        if model.__module__ != f"{self._package}.{self._module_of.get(action)}":
            raise UnknownAction(f"{model.__module__}.{model.__name__} is no message of {self.protocol}")
        return action

    def profile_of(self, action: str) -> str:
        """Return the feature profile (1.6: `Core`, …) or the letter of the functional block. Raises UnknownAction."""
        return self._profile_of[self._module(action)]

    def _module(self, action: str) -> str:
        try:
            return self._module_of[action]
        except KeyError:
            raise UnknownAction(f"{self.protocol} has no action {action[:36]!r}") from None

    def _model(self, action: str, suffix: str) -> "type[Message]":
        name = action + suffix
        model = self._loaded.get(name)
        if model is None:
            module = import_module(f"{self._package}.{self._module(action)}")
            model = self._loaded[name] = cast("type[Message]", getattr(module, name))
        return model


def catalogue(protocol: str) -> Catalogue:
    """Return the catalogue of a WebSocket subprotocol: `ocpp1.6`, `ocpp2.0.1` or `ocpp2.1`. Raises ValueError."""
    package = _PACKAGES.get(protocol)
    if package is None:
        raise ValueError(f"no messages for the subprotocol {protocol!r}; known are {', '.join(_PACKAGES)}")
    return Catalogue(protocol, package)


def names_on_demand(package: str, actions: Mapping[str, str], types: Mapping[str, str]) -> Callable[[str], object]:
    """Return the module-level `__getattr__` of a version's package: it imports a class's module when it is asked for."""

    def load(name: str) -> object:
        home = types.get(name) or actions.get(name.removesuffix("Request").removesuffix("Response"))
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home}"), name)

    return load
