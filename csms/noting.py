"""Handlers for messages that expect no decision, only to be heard: kept as they came, and published."""

from csms.core.router import Context, Handler
from csms.stations import Stations
from ocpp_client.catalogue import Catalogue
from ocpp_client.messages import Message, from_wire


def noting(messages: Catalogue, answer: str) -> Handler:
    """A handler that keeps the message and answers with this JSON text; no model is loaded before it is called."""

    def handler(context: Context, request: Message) -> Message:
        note(context, request)
        return from_wire(messages.response(context.action), answer)

    return handler


def note(context: Context, request: Message) -> None:
    """Keep a message of a station as it came, and publish it."""
    payload = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    Stations(context.store).note(context.station, context.action, payload, context.at.utc)
    context.emit("notice", action=context.action, payload=payload)
