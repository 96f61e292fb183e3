"""Handlers for messages that expect no decision, only to be heard: kept as they came, and published."""

from collections.abc import Callable

from csms.core.router import Context, Handler
from csms.stations import Stations
from ocpp_client.messages import Message


def noting(answer: Callable[[], Message]) -> Handler:
    """A handler that keeps the message and gives the answer."""

    def handler(context: Context, request: Message) -> Message:
        note(context, request)
        return answer()

    return handler


def note(context: Context, request: Message) -> None:
    """Keep a message of a station as it came, and publish it."""
    payload = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    Stations(context.store).note(context.station, context.action, payload, context.at.utc)
    context.emit("notice", action=context.action, payload=payload)
