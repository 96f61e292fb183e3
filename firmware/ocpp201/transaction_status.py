"""GetTransactionStatus of OCPP 2.0.1 (edition 3, part 2, use case E14)."""

from firmware.engine.engine import Engine
from firmware.engine.journal import LANE
from ocpp_client.peer import Reply
from ocpp_client.v201.transactions import GetTransactionStatusRequest, GetTransactionStatusResponse


class TransactionStatus:
    """Handler of GetTransactionStatus."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, request: GetTransactionStatusRequest) -> Reply:
        """Whether a transaction runs and whether messages of it wait; without an id whether any wait (E14.FR.06 to FR.08)."""
        queue, key = self._engine.queue, request.transaction_id
        await self._engine.journal.written()
        if key is None:
            return Reply(GetTransactionStatusResponse(messages_in_queue=queue.stats().depth.get(LANE, 0) > 0))
        ongoing = self._engine.station.transaction(key) is not None
        waiting = await queue.waiting(key) > 0
        return Reply(GetTransactionStatusResponse(ongoing_indicator=ongoing, messages_in_queue=waiting))
