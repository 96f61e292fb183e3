"""Functional block P of OCPP 2.0.1 (edition 3, part 2): messages of vendors."""

from firmware.engine.engine import Engine
from firmware.ocpp201.answering import reply
from firmware.vendors import VendorResult, Vendors
from ocpp_client.peer import Reply
from ocpp_client.v201.data_transfer import DataTransferRequest, DataTransferResponse, DataTransferStatusEnumType

_STATUS: dict[VendorResult, DataTransferStatusEnumType] = {
    VendorResult.ACCEPTED: "Accepted",
    VendorResult.REJECTED: "Rejected",
    VendorResult.UNKNOWN_MESSAGE: "UnknownMessageId",
    VendorResult.UNKNOWN_VENDOR: "UnknownVendorId",
}


class DataTransfer:
    """Hands a vendor's message to its handler."""

    def __init__(self, engine: Engine, vendors: Vendors) -> None:
        self._engine = engine
        self._vendors = vendors

    async def data_transfer(self, request: DataTransferRequest) -> Reply:
        """DataTransfer (P01). Data may be any JSON."""
        answer = await self._vendors.answer(request.vendor_id, request.message_id, request.data)
        return reply(self._engine, DataTransferResponse(status=_STATUS[answer.result], data=answer.data))
