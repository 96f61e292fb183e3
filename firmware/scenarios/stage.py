"""What a scenario needs to be played: a station at which things can be done and seen, and a central system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from firmware.frame_rules import Rule
from firmware.scenarios.conversation import Conversation


class Impossible(Exception):
    """What a step asks for cannot be done now; the text says what to do first."""


class NotHere(Exception):
    """What a step asks for cannot be done on this stage at all. The step is skipped."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a command. `answer` is the payload of a CALLRESULT, `error` the code of a CALLERROR; neither: `why` says why."""

    answer: Mapping[str, Any] | None = None
    error: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction in the central system's books. Unknown is None."""

    open: bool
    energy_wh: int | None
    token: str | None
    reason: str | None
    anomalies: Sequence[str] = field(default=())


class CentralSystem(Protocol):
    """The other side. Every method but `command` may raise NotHere."""

    async def command(self, action: str, payload: Mapping[str, Any], timeout_s: float) -> Reply:
        """Let it call the station; returns within about `timeout_s`."""

    async def stop(self) -> None:
        """It is gone."""

    async def start(self) -> None:
        """It is back."""

    def close(self) -> None:
        """It closes the station's connection."""

    def set_token(self, token: str, status: str) -> None:
        """From now on it says so of a token."""

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """It misbehaves by these rules; none: it behaves."""

    def books(self) -> Sequence[Entry]:
        """What it has written down of this station, oldest first."""


class Stage(Protocol):
    """One station and its surroundings."""

    conversation: Conversation

    @property
    def central(self) -> CentralSystem: ...

    @property
    def protocol(self) -> str | None:
        """The version that was last agreed on."""

    @property
    def files_url(self) -> str | None:
        """Where the station finds the file server of scenarios; None: there is none."""

    def now(self) -> datetime:
        """True time, UTC."""

    async def wait(self, seconds: float) -> None:
        """Let time pass."""

    async def perform(self, path: str, body: Mapping[str, Any]) -> None:
        """An action of the mock world. Raises Impossible."""

    def seen(self, evse: int) -> Mapping[str, Any]:
        """Everything that the keys of `format.Seen` name, as it is now; empty while the program does not run."""

    def transaction(self, evse: int) -> str | None:
        """The central system's id of the running transaction."""

    def meter_wh(self) -> int:
        """The registers of all EVSEs together."""

    async def add_rule(self, rule: Rule) -> None:
        """Meddle with frames from now on. Raises NotHere."""

    async def release(self) -> None:
        """Let go the frames that are held."""

    async def clear_rules(self) -> None:
        """No rules any more."""

    async def set_power(self, on: bool) -> None:
        """Switch the station off or on. Raises NotHere."""
