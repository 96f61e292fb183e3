"""The local list: tokens that the central system has told in advance, and their version.

Only the central system changes it, as a whole or in part, and a change happens entirely or not at all. An entry is found by value and
type, where an unknown type stands for every type; two entries that could be the same token are the same entry.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from firmware.core.settings import LIST_ENABLED, LIST_LIMIT, LIST_UPDATE_LIMIT, Settings
from firmware.core.tokens import aged
from firmware.core.values import ACCEPTED, Outcome, Result, Token, TokenInfo, TokenType, Verdict

EMPTY = 0  # the version of a list that was never told

Entry = tuple[Token, TokenInfo]
Change = tuple[Token, TokenInfo | None]
"""A token with what is to be known of it from now on; None: nothing."""

_Key = tuple[str, TokenType]


class LocalList:
    """Entries and version. While the list is switched off it knows nobody; its content stays."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._version = EMPTY
        self._entries: dict[_Key, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    @property
    def enabled(self) -> bool:
        """Whether the list is used at all."""
        return self._settings[LIST_ENABLED]

    @property
    def version(self) -> int:
        """The version that the central system gave the present content; 0 when it never told any."""
        return self._version

    def find(self, token: Token, wall_s: float | None) -> TokenInfo | None:
        """What the list says of a token at a POSIX time; None when it is not listed, or the list is switched off.

        That a token charges elsewhere too is nothing a list can know: such an entry is one of a valid token.
        """
        known = self._known(token) if self.enabled else None
        if known is None:
            return None
        info = self._entries[known][1]
        if info.verdict is Verdict.CONCURRENT:
            info = replace(info, verdict=Verdict.ACCEPTED)
        return aged(info, wall_s)

    def lists(self, token: Token) -> bool:
        """True when the token has an entry, whatever it says."""
        return self._known(token) is not None

    def restore(self, version: int, entries: Iterable[Entry]) -> None:
        """Put back what was stored."""
        self._version = version
        self._entries = {_key(token): (token, info) for token, info in entries}

    # ---- commands of the central system -----------------------------------------------------------------------------

    def replace_all(self, version: int, entries: Sequence[Change]) -> tuple[Outcome, tuple[Change, ...]]:
        """Take a whole new list, under any version above 0; an empty one may have 0. Returns what was changed beside the outcome."""
        complete = [(token, info) for token, info in entries if info is not None]
        if len(complete) < len(entries):
            return _failed("MissingInfo", "an entry of a whole list says nothing of its token"), ()
        problem = self._problem(version, entries, len(entries))
        if problem is not None:
            return problem, ()
        before = self._entries
        self._version = version
        self._entries = {_key(token): (token, info) for token, info in complete}
        gone = [(token, None) for key, (token, _) in before.items() if key not in self._entries]
        return ACCEPTED, (*gone, *complete)

    def amend(self, version: int, changes: Sequence[Change]) -> tuple[Outcome, tuple[Change, ...]]:
        """Add, replace and remove entries, under a version above the present one. Returns what was changed beside the outcome."""
        if version <= self._version:
            return Outcome(Result.STALE, "VersionMismatch", f"version {version}, and {self._version} is known"), ()
        entries = dict(self._entries)
        done: list[Change] = []
        for token, info in changes:
            gone = [entries.pop(key) for key in _kin(token) if key in entries]
            done += [(known, None) for known, _ in gone]
            if info is not None:
                entries[_key(token)] = (token, info)
                done.append((token, info))
        problem = self._problem(version, changes, len(entries))
        if problem is not None:
            return problem, ()
        self._version, self._entries = version, entries
        return ACCEPTED, tuple(done)

    def _problem(self, version: int, changes: Sequence[Change], count: int) -> Outcome | None:
        limit, update_limit = self._settings[LIST_LIMIT], self._settings[LIST_UPDATE_LIMIT]
        if version < EMPTY or (version == EMPTY and count):
            return _failed("InvalidVersion", "the version of a list with entries is above 0")
        if len(changes) > update_limit:
            return _failed("TooManyElements", f"more than {update_limit} entries at a time")
        if count > limit:
            return _failed("StorageFull", f"more than {limit} entries")
        seen: set[_Key] = set()
        for token, _ in changes:
            if not token.value:
                return _failed("InvalidToken", "a token without a value")
            if any(key in seen for key in _kin(token)):
                return _failed("DuplicateToken", f"{token.masked} comes twice")
            seen.add(_key(token))
        return None

    def _known(self, token: Token) -> _Key | None:
        return next((key for key in _kin(token) if key in self._entries), None)


def _key(token: Token) -> _Key:
    return token.value.casefold(), token.type


def _kin(token: Token) -> list[_Key]:
    """The keys under which the same token may stand, its own type first."""
    types = TokenType if token.type is TokenType.UNKNOWN else (token.type, TokenType.UNKNOWN)
    return [(token.value.casefold(), kind) for kind in types]


def _failed(reason: str, detail: str) -> Outcome:
    return Outcome(Result.FAILED, reason, detail)
