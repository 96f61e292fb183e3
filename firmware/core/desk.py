"""The desk where tokens are shown: decides what a presented token means, and for which EVSE.

A token may free a cable that is held for it, end or cancel what it began, end a transaction of its group, or ask to charge.
A wish to charge that fits several free EVSEs waits at the desk until a cable is plugged in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from firmware.core.authorisation import AuthState
from firmware.core.context import Context
from firmware.core.events import TokenDecided, TokenLearned, TokenListChanged, TokenListConflict, TokenQueryNeeded
from firmware.core.evse import Evse
from firmware.core.local_list import Change, LocalList
from firmware.core.profiles import Profile
from firmware.core.reservations import Reservations
from firmware.core.settings import AUTH_ENABLED, CACHE_ENABLED, CONNECTION_TIMEOUT_S, MASTER_GROUP
from firmware.core.tokens import ANYBODY, Decision, Step, TokenCache, cacheable, decide
from firmware.core.transaction import Phase
from firmware.core.values import Outcome, Plug, StopCause, Token, TokenInfo, Verdict
from hal.types import Instant


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the central system that has not been answered yet."""

    token: Token
    evse: int | None
    served: tuple[int, ...]
    stopping: str | None = None  # the transaction the token wants to end, if its group allows
    remote: bool = False
    remote_start_id: int | None = None
    profile: Profile | None = None  # for the transaction to come


@dataclass(frozen=True, slots=True)
class Waiting:
    """A token that may charge at whichever of these EVSEs a cable is plugged into first."""

    token: Token
    info: TokenInfo
    served: tuple[int, ...]
    deadline_s: float | None


class Desk:
    """Token logic of the station."""

    def __init__(self, context: Context, evses: dict[int, Evse], reservations: Reservations) -> None:
        self._context = context
        self._evses = evses
        self._reservations = reservations
        self.local_list = LocalList(context.settings)
        self.cache = TokenCache()
        self.waiting: Waiting | None = None
        self._queries: dict[int, Query] = {}
        self._numbers = count(1)

    # ---- presented at a reader --------------------------------------------------------------------------------------

    def present(self, token: Token, served: Sequence[int], now: Instant) -> None:
        """Somebody holds a token to a reader that serves these EVSEs (none named: all)."""
        evses = [self._evses[number] for number in (served or self._evses) if number in self._evses]
        if self._releases(token, evses, now) or self._ends_own(token, evses, now):
            return
        if self._masters(token, self._known(token, now), evses, now):
            return
        refusal = self._refusal()
        if refusal is not None:
            self._decided(token, None, False, refusal)
            return
        target = self._target(token, evses)
        if target is None and self._free(evses):
            self._judge(Query(token, None, tuple(evse.id for evse in evses)), now)
        elif target is not None:
            self._judge(Query(token, target.id, (target.id,)), now)
        elif not self._ends_group(token, evses, now):
            self._decided(token, None, False, "NoFreeEvse")

    def serve_all(self, now: Instant) -> None:
        """Where nobody is asked who they are, whoever plugs in is served."""
        if self._context.settings[AUTH_ENABLED] or self._refusal() is not None:
            return
        for evse in self._free(list(self._evses.values())):
            if evse.plug is Plug.VEHICLE and not evse.leftover and not evse.reserved:
                evse.grant(ANYBODY, TokenInfo.unchecked(), now)

    def ask_for(
        self,
        token: Token,
        evse: Evse,
        now: Instant,
        *,
        check: bool,
        remote_start_id: int | None,
        group: Token | None = None,
        profile: Profile | None = None,
    ) -> None:
        """A remote start whose token is checked like one at the reader, or taken as it is with the group it is said to have."""
        query = Query(token, evse.id, (evse.id,), remote=True, remote_start_id=remote_start_id, profile=profile)
        if check:
            self._judge(query, now)
        else:
            known = self._known(token, now)
            self._grant(query, TokenInfo.unchecked(group or (known.group if known else None)), now, "RemoteStart")

    def _refusal(self) -> str | None:
        if self._context.halting:
            return "Restarting"
        if not self._context.storage_ok:
            return "StorageFull"
        return None if self._context.in_service else "NotAcceptedYet"

    def _releases(self, token: Token, evses: list[Evse], now: Instant) -> bool:
        known = self._known(token, now)
        for evse in evses:
            if evse.spec.has_lock and evse.release(token, known.group if known else None):
                self._decided(token, evse.id, True, "CableReleased")
                return True
        return False

    def _ends_own(self, token: Token, evses: list[Evse], now: Instant) -> bool:
        for evse in evses:
            if evse.auth.belongs_to(token):
                running = evse.running is not None
                evse.withdraw(StopCause.LOCAL, now, token)
                self._decided(token, evse.id, True, "Stopped" if running else "Cancelled")
                return True
        if self.waiting is not None and self.waiting.token.same_as(token):
            self.waiting = None
            self._decided(token, None, True, "Cancelled")
            return True
        return False

    def _masters(self, token: Token, info: TokenInfo | None, evses: Iterable[Evse], now: Instant) -> bool:
        """A token of the master group ends every transaction within its reach, and starts none (use case C16)."""
        group = Token(self._context.settings[MASTER_GROUP])
        if not group.value or info is None or not info.accepted or not group.same_as(info.group):
            return False
        for evse in evses:
            evse.withdraw(StopCause.MASTER_PASS, now, token)
        self._decided(token, None, True, "MasterPass")
        return True

    def _ends_group(self, token: Token, evses: list[Evse], now: Instant) -> bool:
        """Nothing is free: the token may belong to the group of a running transaction."""
        for evse in evses:
            tx = evse.running
            joined = tx is not None and (tx.group is not None or bool(self._context.settings[MASTER_GROUP]))
            if tx is None or not joined or tx.phase is not Phase.OPEN:
                continue
            known = self._known(token, now)
            if known is not None and known.group is not None:
                if known.accepted and known.group.same_as(tx.group):
                    evse.withdraw(StopCause.LOCAL, now, token)
                    self._decided(token, evse.id, True, "StoppedByGroup")
                    return True
            elif self._context.online:
                self._ask(Query(token, evse.id, (evse.id,), stopping=tx.id))
                return True
        return False

    def admits(self, token: Token, evse: Evse, now: Instant, *, check: bool, group: Token | None = None) -> bool:
        """False when an EVSE is reserved for others, and no `check` with the central system could change that."""
        info = TokenInfo.unchecked(group) if group is not None else self._known(token, now)
        if not self._barred(token, (evse.id,), info):
            return True
        return check and group is None and self._group_matters(token, (evse.id,), now)

    def _barred(self, token: Token, served: Sequence[int], info: TokenInfo | None) -> bool:
        group = info.group if info is not None else None
        return all(self._reservations.bars(number, token, group) for number in served)

    def _group_matters(self, token: Token, served: Sequence[int], now: Instant) -> bool:
        """Whether only the central system can tell if a token belongs to those an EVSE is reserved for."""
        known = self._known(token, now)
        if not self._context.online or (known is not None and known.group is not None):
            return False
        bars = [held for number in served for held in self._reservations.bars(number, token, None)]
        return any(held.group is not None for held in bars)

    @staticmethod
    def _free(evses: list[Evse]) -> list[Evse]:
        return [e for e in evses if e.vacant and e.available and not e.blocked]

    def _target(self, token: Token, evses: list[Evse]) -> Evse | None:
        """The one EVSE that is meant: the one with a cable in, else the one that is reserved for the token, else the only free one."""
        free = self._free(evses)
        plugged = [evse for evse in free if evse.plug is not Plug.UNPLUGGED]
        fresh = [evse for evse in plugged if not evse.leftover]
        if fresh:
            return max(fresh, key=lambda evse: evse.engaged_at.monotonic_s if evse.engaged_at else 0.0)
        empty = [evse for evse in free if evse.plug is Plug.UNPLUGGED]
        if not empty and plugged:
            return plugged[0]
        for held in self._reservations:
            if held.evse is not None and held.token.same_as(token) and self._evses[held.evse] in empty:
                return self._evses[held.evse]
        return empty[0] if len(empty) == 1 and len(evses) == 1 else None

    # ---- decisions --------------------------------------------------------------------------------------------------

    def _known(self, token: Token, now: Instant) -> TokenInfo | None:
        listed = self.local_list.find(token, now.wall_s)
        if listed is not None:
            return listed
        return self.cache.find(token, now.wall_s) if self._context.settings[CACHE_ENABLED] else None

    def _judge(self, query: Query, now: Instant, *, online: bool | None = None) -> None:
        decision = decide(
            query.token,
            online=self._context.online if online is None else online,
            settings=self._context.settings,
            local_list=self.local_list,
            cache=self.cache,
            wall_s=now.wall_s,
        )
        if decision.step is not Step.DENY and self._barred(query.token, query.served, decision.info):
            asking = online is not False and self._group_matters(query.token, query.served, now)
            decision = Decision(Step.ASK if asking else Step.DENY, decision.info, "Reserved")
        if decision.step is Step.ASK:
            if query.evse is not None:
                self._evses[query.evse].asking(query.token, now, query.remote_start_id)
            self._ask(query)
        else:
            self._settle(query, decision, now)

    def _ask(self, query: Query) -> None:
        number = next(self._numbers)
        self._queries[number] = query
        self._context.emit(TokenQueryNeeded(number, query.token, query.evse))

    def answer(self, number: int, info: TokenInfo | None, now: Instant) -> None:
        """The central system answered, or (None) did not: then the token is decided on as if offline."""
        query = self._queries.pop(number, None)
        if query is None:
            return
        if info is not None:
            self.learn(query.token, info, now)
        if query.stopping is not None:
            self._settle_stop(query, info, now)
            return
        if query.evse is not None:
            auth = self._evses[query.evse].auth
            if auth.state is not AuthState.PENDING or not auth.belongs_to(query.token):
                return  # cancelled meanwhile
        if info is None:
            self._judge(query, now, online=False)
        else:
            step = Step.GRANT if info.accepted else Step.DENY
            self._settle(query, Decision(step, info, f"CentralSystem{info.verdict.value}"), now)

    def _settle(self, query: Query, decision: Decision, now: Instant) -> None:
        if self._masters(query.token, decision.info, (self._evses[number] for number in query.served), now):
            return
        if decision.step is Step.GRANT and decision.info is not None:
            self._grant(query, decision.info, now, decision.reason)
            return
        if query.evse is not None:
            self._evses[query.evse].withdraw(StopCause.OTHER, now)
        self._decided(query.token, query.evse, False, decision.reason)

    def _settle_stop(self, query: Query, info: TokenInfo | None, now: Instant) -> None:
        assert query.evse is not None
        if self._masters(query.token, info, self._evses.values(), now):
            return
        evse = self._evses[query.evse]
        tx = evse.running
        matches = (
            tx is not None
            and tx.id == query.stopping
            and info is not None
            and info.accepted
            and info.group is not None
            and info.group.same_as(tx.group)
        )
        if matches:
            evse.withdraw(StopCause.LOCAL, now, query.token)
        self._decided(query.token, query.evse, matches, "StoppedByGroup" if matches else "NotTheSameGroup")

    def _grant(self, query: Query, info: TokenInfo, now: Instant, reason: str) -> None:
        if self._barred(query.token, query.served, info):
            self._settle(query, Decision(Step.DENY, info, "Reserved"), now)
            return
        if query.evse is None:
            timeout_s = self._context.settings[CONNECTION_TIMEOUT_S]
            deadline_s = now.monotonic_s + timeout_s if timeout_s > 0 else None
            self.waiting = Waiting(query.token, info, query.served, deadline_s)
            for number in query.served:  # somebody may have plugged in while the central system was asked
                self.plugged(self._evses[number], now)
        else:
            evse = self._evses[query.evse]
            evse.grant(
                query.token,
                info,
                now,
                remote=query.remote,
                remote_start_id=query.remote_start_id,
                reservation_id=self._reservation_of(evse, query.token, info),
                profile=query.profile,
            )
        self._decided(query.token, query.evse, True, reason)

    def _reservation_of(self, evse: Evse, token: Token, info: TokenInfo) -> int | None:
        held = self._reservations.match(evse.id, token, info.group)
        return held.id if held is not None else None

    def plugged(self, evse: Evse, now: Instant) -> None:
        """A cable is in: a token that waits at the desk takes this EVSE."""
        waiting = self.waiting
        if waiting is None or evse.id not in waiting.served or evse.plug is Plug.UNPLUGGED or evse.leftover:
            return
        if self._free([evse]) and not self._barred(waiting.token, (evse.id,), waiting.info):
            self.waiting = None
            held = self._reservation_of(evse, waiting.token, waiting.info)
            evse.grant(waiting.token, waiting.info, now, reservation_id=held)

    def tick(self, now: Instant) -> None:
        """Let a waiting token lapse."""
        waiting = self.waiting
        if waiting is not None and waiting.deadline_s is not None and now.monotonic_s >= waiting.deadline_s:
            self.waiting = None
            self._decided(waiting.token, None, False, "ConnectionTimeout")

    # ---- memory -----------------------------------------------------------------------------------------------------

    def learn(self, token: Token, info: TokenInfo, now: Instant) -> None:
        """Take in what the central system says of a token. The list is never changed by it, and wins."""
        listed = self.local_list.find(token, now.wall_s)
        if listed is not None:
            # that it charges elsewhere too is said of a valid token
            if listed.accepted is not (info.accepted or info.verdict is Verdict.CONCURRENT):
                self._context.emit(TokenListConflict(token))
            return
        if not self._context.settings[CACHE_ENABLED] or not cacheable(token):
            return
        gone = self.cache.learn(token, info, now.wall_s)
        if gone is not None:
            self._context.emit(TokenLearned(gone, None))
        self._context.emit(TokenLearned(token, info, self.cache.learned))

    def change_list(self, version: int, changes: Sequence[Change], *, whole: bool) -> Outcome:
        """The central system's new list (`whole`), or changes to it. What is on the list leaves the cache."""
        update = self.local_list.replace_all if whole else self.local_list.amend
        outcome, done = update(version, changes)
        if outcome.accepted:
            self._context.emit(TokenListChanged(self.local_list.version, done))
            for token, info in changes:
                if info is not None and self.cache.forget(token):
                    self._context.emit(TokenLearned(token, None))
        return outcome

    def clear_cache(self) -> bool:
        """Forget every cached token; False when the cache is switched off."""
        if not self._context.settings[CACHE_ENABLED]:
            return False
        for token in self.cache.clear():
            self._context.emit(TokenLearned(token, None))
        return True

    def _decided(self, token: Token, evse: int | None, accepted: bool, reason: str) -> None:
        self._context.emit(TokenDecided(token, evse, accepted, reason))
