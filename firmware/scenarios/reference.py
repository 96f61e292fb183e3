"""The reference central system as scenarios use it, in this process."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from csms.app import Csms
from csms.books import Books, Transaction
from csms.core.effects import Outcome, OutcomeKind
from csms.faults.plan import FaultPlan
from csms.tokens import STATUSES, TokenEntry
from firmware.scenarios.stage import Entry, Impossible, NotHere, Reply


def reply_of(outcome: Outcome) -> Reply:
    """The end of a command as a scenario sees it."""
    match outcome.kind:
        case OutcomeKind.ANSWERED:
            return Reply(answer=outcome.response or {})
        case OutcomeKind.ERROR:
            return Reply(error=outcome.error_code)
    return Reply(why=outcome.kind.value.replace("_", " "))


def entries(books: Books, station: str) -> Sequence[Entry]:
    """What the books have of a station."""
    return [_entry(transaction) for transaction in books.transactions(station)]


def _entry(found: Transaction) -> Entry:
    return Entry(
        open=found.open,
        energy_wh=found.energy_wh,
        token=found.id_token,
        reason=found.reason,
        anomalies=tuple(f"{each.kind.value}: {each.text}" for each in found.anomalies),
    )


def plan_of(rules: Sequence[Mapping[str, Any]]) -> FaultPlan | None:
    """A fault plan. Raises Impossible for what is none."""
    if not rules:
        return None
    try:
        return FaultPlan.model_validate({"rules": list(rules)})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Impossible(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def token_entry(token: str, status: str) -> TokenEntry:
    """A configured token. Raises Impossible for a status that there is not."""
    if status not in STATUSES:
        raise Impossible(f"status: {status!r} is none of {', '.join(STATUSES)}")
    return TokenEntry(token, status)


class BesideUs:
    """A central system in this very process, for one station. It is never stopped: others may use it."""

    def __init__(self, csms: Csms, station: str) -> None:
        self._csms = csms
        self._station = station

    async def command(self, action: str, payload: Mapping[str, Any], timeout_s: float) -> Reply:
        return reply_of(await self._csms.command(self._station, action, payload, timeout_s=timeout_s))

    async def stop(self) -> None:
        raise NotHere("this central system is not stopped; play the scenario with --virtual")

    async def start(self) -> None:
        raise NotHere("this central system is never stopped")

    def close(self) -> None:
        self._csms.disconnect(self._station)

    def set_token(self, token: str, status: str) -> None:
        self._csms.tokens.put(token_entry(token, status))

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self._csms.set_faults(self._station, plan_of(rules))

    def books(self) -> Sequence[Entry]:
        return entries(self._csms.books, self._station)
