"""Who may charge: the decision table over list, cache, policies and reachability of the central system.

`decide` is pure. The list beats the cache; a token on the list is never cached. Only ACCEPTED lets charge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from firmware.core.settings import (
    AUTH_ENABLED,
    CACHE_ENABLED,
    CACHE_IS_FINAL,
    LIST_IS_FINAL,
    LOCAL_AUTHORIZE_OFFLINE,
    LOCAL_PRE_AUTHORIZE,
    OFFLINE_UNKNOWN,
    REMOTE_DISABLED,
    Settings,
)
from firmware.core.values import Token, TokenInfo, TokenType, Verdict

CACHE_LIMIT = 1000


class TokenBook(Protocol):
    """Something that knows tokens: the local list, the cache."""

    def find(self, token: Token, wall_s: float | None) -> TokenInfo | None:
        """What is known, with the verdict EXPIRED where its time is over; None when nothing is."""


def aged(info: TokenInfo, wall_s: float | None) -> TokenInfo:
    """The same information as it stands at a POSIX time. Without a known time nothing expires."""
    if info.expires_s is None or wall_s is None or wall_s < info.expires_s:
        return info
    return TokenInfo(Verdict.EXPIRED, info.group, info.expires_s) if info.accepted else info


ANYBODY = Token("", TokenType.NO_AUTHORIZATION)
"""Stands for a driver whom nobody asked."""

NOBODY = frozenset({TokenType.NO_AUTHORIZATION, TokenType.CENTRAL})
"""Tokens that are not a customer's own: they say nothing about the next time."""


def cacheable(token: Token) -> bool:
    """Whether what is said of a token is worth keeping."""
    return token.type not in NOBODY and bool(token.value)


class TokenCache:
    """The last verdict on each token, bounded. When full, verdicts other than ACCEPTED, and those that are over, go first, then the
    oldest."""

    def __init__(self, limit: int = CACHE_LIMIT) -> None:
        self._limit = limit
        self._entries: dict[str, tuple[Token, TokenInfo]] = {}  # oldest first
        self.learned = 0  # verdicts taken in so far, over restarts: says which of two stored ones is the older

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[tuple[Token, TokenInfo]]:
        return iter(list(self._entries.values()))

    def find(self, token: Token, wall_s: float | None) -> TokenInfo | None:
        """What was last said of the token."""
        entry = self._entries.get(token.value.casefold())
        return aged(entry[1], wall_s) if entry is not None and entry[0].same_as(token) else None

    def learn(self, token: Token, info: TokenInfo, wall_s: float | None = None) -> Token | None:
        """Take in a verdict at a POSIX time; returns the token that had to go for it."""
        key = token.value.casefold()
        self._entries.pop(key, None)
        gone: Token | None = None
        if len(self._entries) >= self._limit:
            victim = next((k for k, (_, i) in self._entries.items() if not aged(i, wall_s).accepted), None)
            victim = next(iter(self._entries)) if victim is None else victim
            gone = self._entries.pop(victim)[0]
        self._entries[key] = (token, info)
        self.learned += 1
        return gone

    def forget(self, token: Token) -> bool:
        """Drop a token; True when it was there."""
        return self._entries.pop(token.value.casefold(), None) is not None

    def clear(self) -> list[Token]:
        """Drop everything; returns what was there."""
        tokens = [token for token, _ in self._entries.values()]
        self._entries.clear()
        return tokens


class Step(Enum):
    """What to do with a presented token."""

    GRANT = "grant"
    DENY = "deny"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, what is known (for GRANT), and why: a short code for log and display."""

    step: Step
    info: TokenInfo | None
    reason: str


_NO_CHECK = TokenInfo(Verdict.ACCEPTED)


def decide(
    token: Token,
    *,
    online: bool,
    settings: Settings,
    local_list: TokenBook,
    cache: TokenBook,
    wall_s: float | None,
) -> Decision:
    """Decide on a token presented to start charging. The table is the same for every protocol."""
    if token.type is TokenType.NO_AUTHORIZATION or not settings[AUTH_ENABLED]:
        return Decision(Step.GRANT, _NO_CHECK, "NoAuthorizationNeeded")
    listed = local_list.find(token, wall_s)
    known = listed
    if known is None and settings[CACHE_ENABLED] and cacheable(token):
        known = cache.find(token, wall_s)
    source = "List" if listed is not None else "Cache"
    if online:
        return _decide_online(known, source, settings)
    if known is None:
        if settings[OFFLINE_UNKNOWN]:
            return Decision(Step.GRANT, _NO_CHECK, "OfflineUnknownAllowed")
        return Decision(Step.DENY, None, "OfflineUnknown")
    if not known.accepted:
        return Decision(Step.DENY, known, f"Offline{source}{known.verdict.value}")
    if not settings[LOCAL_AUTHORIZE_OFFLINE]:
        return Decision(Step.DENY, known, "OfflineNotAllowed")
    return Decision(Step.GRANT, known, f"Offline{source}Accepted")


def _decide_online(known: TokenInfo | None, source: str, settings: Settings) -> Decision:
    if known is not None and known.accepted and (settings[LOCAL_PRE_AUTHORIZE] or settings[REMOTE_DISABLED]):
        return Decision(Step.GRANT, known, f"{source}Accepted")
    final = settings[LIST_IS_FINAL if source == "List" else CACHE_IS_FINAL]
    if known is not None and not known.accepted and (final or settings[REMOTE_DISABLED]):
        return Decision(Step.DENY, known, f"{source}{known.verdict.value}")
    if settings[REMOTE_DISABLED]:
        return Decision(Step.DENY, None, "NobodyToAsk")
    return Decision(Step.ASK, known, "AskCentralSystem")
