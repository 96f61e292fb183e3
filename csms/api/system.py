"""What the API needs of a central system. `csms.app.Csms` is one."""

from collections.abc import Sequence
from typing import Protocol

from csms.books import Books
from csms.cluster.asking import Answer, Question
from csms.cluster.sending import BroadcastResult
from csms.cluster.wire import BatchItem
from csms.config import CsmsConfig
from csms.core.effects import Outcome
from csms.core.store import Store
from csms.faults.plan import FaultPlan
from csms.hub import Hub
from csms.stations import Stations
from csms.tokens import Tokens


class System(Protocol):
    """A running central system."""

    @property
    def config(self) -> CsmsConfig: ...

    @property
    def store(self) -> Store: ...

    @property
    def books(self) -> Books: ...

    @property
    def stations(self) -> Stations: ...

    @property
    def tokens(self) -> Tokens: ...

    @property
    def hub(self) -> Hub: ...

    @property
    def ws_url(self) -> str: ...

    @property
    def files_url(self) -> str | None: ...

    def is_connected(self, station: str) -> bool: ...

    async def is_elsewhere(self, station: str) -> bool: ...

    async def check(self, station: str, action: str, text: str) -> None: ...

    async def command_raw(
        self,
        station: str,
        action: str,
        payload_text: str,
        *,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Outcome: ...

    async def batch(self, items: Sequence[BatchItem], *, timeout_s: float | None = None) -> list[Outcome]: ...

    async def broadcast(self, action: str, payload_text: str, *, timeout_s: float | None = None) -> BroadcastResult: ...

    async def metrics(self) -> str: ...

    @property
    def has_others(self) -> bool: ...

    async def ask_holder(self, station: str, question: Question) -> Answer | None: ...

    async def ask_others(self, question: Question) -> list[Answer]: ...

    async def view(self, station: str | None) -> Store: ...

    def disconnect(self, station: str, *, code: int = 1000, reason: str = "") -> bool: ...

    def faults(self, station: str) -> FaultPlan | None: ...

    def set_faults(self, station: str, plan: FaultPlan | None) -> None: ...
