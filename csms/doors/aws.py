"""A central system behind an AWS API Gateway WebSocket API: a Lambda handler and the way back through the gateway.

The route selection expression does not matter: $connect, $default and $disconnect all lead to this handler. The gateway
has no path parameters, so the identity is the user of Basic authentication, the query parameter `id`, or the header
`X-Station-Identity` of a proxy in front of it. The gateway waits 29 s for an answer; `csms.doors.worker` keeps to that.

It needs the extra `aws`.
"""

import asyncio
import functools
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from csms.admission import Admission, House, admit, identity_of
from csms.config import CsmsConfig
from csms.doors.connections import Gone, HolderUnavailable, TooLong
from csms.doors.worker import Worker
from csms.passwords import PasswordCheck, basic_credentials
from ocpp_client.sockets import Rejection

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 128 * 1024
"""Longer ones the gateway takes in neither direction; it cuts them into frames of 32 KB itself."""

CALL_TIMEOUT_S: Final = 5.0
_HOUSE: Final = House(connections=0, stations=0, is_known=True, closing=False)  # the gateway has quotas of its own


class GatewayConnections:
    """The gateway's connections API, called in threads because boto3 blocks."""

    def __init__(self, endpoint_url: str, **client_settings: Any) -> None:
        """`endpoint_url` is https://{api}.execute-api.{region}.amazonaws.com/{stage}."""
        config = Config(connect_timeout=CALL_TIMEOUT_S, read_timeout=CALL_TIMEOUT_S, retries={"max_attempts": 2})
        self._client = boto3.client(
            "apigatewaymanagementapi", endpoint_url=endpoint_url, config=config, **client_settings
        )

    async def send(self, connection: str, text: str) -> None:
        data = text.encode()
        if len(data) > MAX_MESSAGE_BYTES:
            raise TooLong(f"{len(data)} bytes; the gateway takes {MAX_MESSAGE_BYTES}")
        await self._call(functools.partial(self._client.post_to_connection, ConnectionId=connection, Data=data))

    async def close(self, connection: str, code: int, reason: str) -> None:
        try:
            await self._call(functools.partial(self._client.delete_connection, ConnectionId=connection))
        except Gone:
            return

    async def _call(self, call: "functools.partial[Any]") -> None:
        try:
            await asyncio.to_thread(call)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 410:
                raise Gone(str(error)) from error
            if status == 413:
                raise TooLong(str(error)) from error
            raise HolderUnavailable(f"the gateway answered: {error}") from error
        except BotoCoreError as error:
            raise HolderUnavailable(f"the gateway cannot be reached: {error}") from error


class Loop(Protocol):
    """Runs a coroutine from synchronous code; `asyncio.Runner` is one. It must outlive single invocations."""

    def run(self, coro: Any) -> Any: ...


class Gateway:
    """What the gateway's events mean. `await handle(event)` inside a loop, or `handler(loop)` for Lambda."""

    def __init__(self, worker: Worker, config: CsmsConfig, password_secret: bytes) -> None:
        self._worker = worker
        self._config = config
        self._passwords = PasswordCheck(password_secret)

    async def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one event of the gateway, in the form a Lambda proxy integration returns."""
        context = event["requestContext"]
        connection = context["connectionId"]
        match context["eventType"]:
            case "CONNECT":
                return await self._connect(event, connection)
            case "MESSAGE":
                await self._worker.received(connection, event.get("body") or "")
            case "DISCONNECT":
                code = int(context.get("disconnectStatusCode") or 1006)
                await self._worker.disconnected(connection, code, context.get("disconnectReason") or "")
            case kind:
                log.warning("event of the gateway ignored type=%s", kind)
                return {"statusCode": 400}
        return {"statusCode": 200}

    def handler(self, loop: Loop) -> Any:
        """The function to name in the Lambda configuration."""

        def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
            answer: dict[str, Any] = loop.run(self.handle(event))
            return answer

        return handle

    async def _connect(self, event: Mapping[str, Any], connection: str) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        station = self._identity(event, headers)
        if station is None:
            return {"statusCode": 404}
        decision = admit(station, headers, self._config, self._passwords, _HOUSE)
        if isinstance(decision, Rejection):
            return {"statusCode": decision.status, "headers": dict(decision.headers)}
        if decision.protocol is None:
            return {"statusCode": 400, "body": f"offer one of {', '.join(self._config.protocols)}"}
        await self._begin(event, connection, decision)
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": decision.protocol}}

    async def _begin(self, event: Mapping[str, Any], connection: str, admission: Admission) -> None:
        remote = event["requestContext"].get("identity", {}).get("sourceIp") or ""
        assert admission.protocol is not None  # checked by the caller
        await self._worker.connected(admission.station, admission.protocol, connection, remote)

    def _identity(self, event: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
        basic = basic_credentials(headers.get("authorization", ""))
        named = [
            headers.get("x-station-identity"),
            basic[0] if basic is not None else None,
            (event.get("queryStringParameters") or {}).get("id"),
        ]
        found = next((name for name in named if name), None)
        return None if found is None else identity_of(f"/{_escaped(found)}")


def _escaped(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())
