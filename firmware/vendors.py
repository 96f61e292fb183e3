"""DataTransfer for vendors: handlers that the configuration names, the same for every version of the protocol.

    [vendors]
    "com.example" = "example_vendor:make"

`make` gets a `VendorContext` and returns the handler. A handler that fails or takes too long costs its own message only.
"""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from firmware.engine.engine import Engine
from firmware.errors import ConfigError

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S: Final = 20.0


class VendorResult(StrEnum):
    """What a handler says. A vendor that nobody registered is UNKNOWN_VENDOR."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN_MESSAGE = "unknown-message"
    UNKNOWN_VENDOR = "unknown-vendor"


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """The answer to a message. In OCPP 1.6 `data` has to be text; anything else is told as JSON there."""

    result: VendorResult
    data: Any = None


VendorHandler = Callable[[str | None, Any], Awaitable[VendorAnswer]]
"""Answers a message: gets its id and its data, text in OCPP 1.6, any JSON in 2.0.1."""


@dataclass(frozen=True, slots=True)
class VendorContext:
    """What a handler is made with: the station to look at and to act upon, by way of its engine."""

    vendor_id: str
    engine: Engine


class Vendors:
    """The handlers of this station."""

    def __init__(self, engine: Engine, named: Mapping[str, str]) -> None:
        """`named` maps vendor ids to `module:attribute`. Raises ConfigError for what cannot be imported."""
        self._handlers = {
            vendor_id: _made(VendorContext(vendor_id, engine), place) for vendor_id, place in named.items()
        }

    def register(self, vendor_id: str, handler: VendorHandler) -> None:
        """One more handler, or another one for a vendor."""
        self._handlers[vendor_id] = handler

    async def answer(self, vendor_id: str, message_id: str | None, data: Any) -> VendorAnswer:
        """Ask the handler of a vendor; vendor ids compare exactly."""
        handler = self._handlers.get(vendor_id)
        if handler is None:
            return VendorAnswer(VendorResult.UNKNOWN_VENDOR)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await handler(message_id, data)
        except TimeoutError:
            log.error("vendor's handler gave no answer vendor=%s message=%s", vendor_id, message_id)
        except Exception:
            log.exception("vendor's handler failed vendor=%s message=%s", vendor_id, message_id)
        return VendorAnswer(VendorResult.REJECTED)


def _made(context: VendorContext, place: str) -> VendorHandler:
    module, _, attribute = place.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute or "make")
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"vendors.{context.vendor_id}: {place!r} cannot be imported: {error}") from error
    handler: VendorHandler = make(context)
    return handler
