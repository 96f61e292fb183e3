"""Functional block P of OCPP 2.0.1 (edition 3, part 2): messages of vendors."""

from collections.abc import Awaitable, Callable
from typing import Any

from firmware.engine.engine import Engine
from firmware.ocpp201.answering import reply
from ocpp_client.peer import Reply
from ocpp_client.v201.data_transfer import DataTransferRequest, DataTransferResponse

VendorHandler = Callable[[str | None, Any], Awaitable[DataTransferResponse]]
"""Answers a DataTransfer of one vendor: gets messageId and data, which may be any JSON."""


class DataTransfer:
    """Vendors register their handlers in `vendors`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.vendors: dict[str, VendorHandler] = {}

    async def data_transfer(self, request: DataTransferRequest) -> Reply:
        """DataTransfer (P01)."""
        handler = self.vendors.get(request.vendor_id)
        if handler is None:
            return Reply(DataTransferResponse(status="UnknownVendorId"))
        return reply(self._engine, await handler(request.message_id, request.data))
