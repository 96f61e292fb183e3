"""How a handler answers: first the answer, then what the command caused."""

from collections.abc import Awaitable, Callable

from firmware.engine.engine import Engine
from ocpp_client.messages import Response
from ocpp_client.peer import Reply


def reply(engine: Engine, response: Response, then: Callable[[], Awaitable[None]] | None = None) -> Reply:
    """An answer after whose sending the core's events are acted upon, and then `then` happens."""

    async def after() -> None:
        engine.pump()
        if then is not None:
            await then()

    return Reply(response, after)
