"""The tokens an operator knows, and what each is worth now."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from csms.books import OPEN
from csms.core.policy import Policy
from csms.core.store import Record, Store

TOKENS = "tokens"

# Every status of OCPP 2.0.1; 1.6 has the first five, and Invalid stands for the others there.
STATUSES: Final = (
    "Accepted",
    "Blocked",
    "Expired",
    "Invalid",
    "ConcurrentTx",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
)


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """One configured token. Its id compares without regard to case (CiString), `expires_at` is an aware moment."""

    id_token: str
    status: str = "Accepted"
    parent: str | None = None  # parentIdTag of 1.6, group of 2.0.1
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"token status {self.status!r} is none of {', '.join(STATUSES)}")
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise ValueError("expires_at lacks its offset; write it as 2030-01-31T12:00:00Z")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a station is told about a token."""

    status: str
    parent: str | None = None
    expires_at: datetime | None = None


class Tokens:
    """The token table of a store."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._policy = policy

    def put(self, entry: TokenEntry) -> None:
        """Add or replace a token."""
        row = asdict(entry)
        row["expires_at"] = None if entry.expires_at is None else entry.expires_at.isoformat()
        self._store.put(TOKENS, "", entry.id_token.casefold(), row)

    def get(self, id_token: str) -> TokenEntry | None:
        """A configured token, or None."""
        row = self._store.get(TOKENS, "", id_token.casefold())
        return None if row is None else _entry(row)

    def delete(self, id_token: str) -> bool:
        """Remove a token; tell whether it was there."""
        known = self.get(id_token) is not None
        self._store.delete(TOKENS, "", id_token.casefold())
        return known

    def all(self) -> list[TokenEntry]:
        """Every configured token."""
        return [_entry(row) for _, row in self._store.items(TOKENS, "")]

    def judge(self, id_token: str, at: datetime) -> Verdict:
        """What the token is worth at a moment, whoever uses it."""
        entry = self.get(id_token)
        if entry is None:
            return Verdict("Accepted" if self._policy.accept_unknown_tokens else "Unknown")
        status = entry.status
        if status == "Accepted" and entry.expires_at is not None and entry.expires_at <= at:
            status = "Expired"
        return Verdict(status, entry.parent, entry.expires_at)

    def judge_start(self, id_token: str, at: datetime, *, station: str, transaction_id: str) -> Verdict:
        """The same for the start of a transaction, which ends the freedom of a token that charges elsewhere already."""
        verdict = self.judge(id_token, at)
        if verdict.status != "Accepted" or self._policy.allow_concurrent_transactions:
            return verdict
        if self._charges_elsewhere(id_token, station, transaction_id):
            return Verdict("ConcurrentTx", verdict.parent, verdict.expires_at)
        return verdict

    def _charges_elsewhere(self, id_token: str, station: str, transaction_id: str) -> bool:
        wanted = id_token.casefold()
        return any(
            (owner, key) != (station, transaction_id) and (row["id_token"] or "").casefold() == wanted
            for owner in self._store.owners(OPEN)
            for key, row in self._store.items(OPEN, owner)
        )


def _entry(row: Record) -> TokenEntry:
    expires_at = row["expires_at"]
    return TokenEntry(
        id_token=row["id_token"],
        status=row["status"],
        parent=row["parent"],
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
    )
