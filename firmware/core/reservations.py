"""Reservations: an EVSE, or any one of the station's, is kept for a token or its group until a moment.

A reservation for one EVSE keeps all other tokens from it. One for any EVSE promises that one will be free: as long as there are more
free ones than such promises nobody notices, then those that are left are kept. A reservation ends when a transaction uses it, when its
time has come, when it is cancelled, or when what it was for is faulted or out of service.
"""

from collections.abc import Iterable, Iterator, Mapping

from firmware.core.authorisation import AuthState
from firmware.core.context import Context
from firmware.core.events import EvseChanged, ReservationEnded, ReservationMade
from firmware.core.evse import Evse
from firmware.core.settings import RESERVE_ANY, RESERVE_ENABLED
from firmware.core.transaction import Phase
from firmware.core.values import ACCEPTED, Outcome, Plug, Reservation, ReservationEnd, Result, Token, rejected
from hal.types import Instant


class Reservations:
    """All reservations of a station, by their number."""

    def __init__(self, context: Context, evses: Mapping[int, Evse]) -> None:
        self._context = context
        self._evses = evses
        self._held: dict[int, Reservation] = {}

    def __iter__(self) -> Iterator[Reservation]:
        return iter(list(self._held.values()))

    def restore(self, reservations: Iterable[Reservation]) -> None:
        """Put back what was stored; what is for an EVSE that is no longer there is left out."""
        kept = [r for r in reservations if r.evse is None or r.evse in self._evses]
        self._held = {reservation.id: reservation for reservation in kept}

    # ---- commands ---------------------------------------------------------------------------------------------------

    def reserve(self, wanted: Reservation, now: Instant) -> Outcome:
        """Take a reservation, in the place of the one with its number if there is one. A refusal changes nothing."""
        settings = self._context.settings
        if not settings[RESERVE_ENABLED]:
            return rejected("NotEnabled")
        if wanted.evse is None and not settings[RESERVE_ANY]:
            return rejected("UnspecifiedEvse", "this station reserves a certain EVSE only")
        if wanted.evse is not None and wanted.evse not in self._evses:
            return rejected("UnknownEvse")
        if now.wall_s is not None and wanted.expires_s <= now.wall_s:
            return rejected("Expired", "it would be over already")
        outcome = self._feasible(wanted)
        if outcome.accepted:
            self._held[wanted.id] = wanted
            self._context.emit(ReservationMade(wanted))
        return outcome

    def cancel(self, number: int) -> Outcome:
        """End a reservation because the central system wants it."""
        if number not in self._held:
            return rejected("NoSuchReservation")
        self._end(self._held[number], ReservationEnd.CANCELLED)
        return ACCEPTED

    def _feasible(self, wanted: Reservation) -> Outcome:
        others = [held for held in self if held.id != wanted.id]
        targets = list(self._evses.values()) if wanted.evse is None else [self._evses[wanted.evse]]
        if all(evse.blocked for evse in targets):
            return Outcome(Result.FAULTED)
        if all(evse.blocked or not evse.available for evse in targets):
            return Outcome(Result.UNAVAILABLE)
        taken = {held.evse for held in others}
        promised = sum(held.evse is None for held in others)
        free = [evse.id for evse in self._evses.values() if _free(evse) and evse.id not in taken]
        if wanted.evse is None:
            fits = len(free) > promised
        else:
            known, target = self._held.get(wanted.id), self._evses[wanted.evse]
            renewed = known is not None and known.evse == wanted.evse  # whatever is plugged in was no hindrance before
            idle = target.auth.state is AuthState.NONE and (renewed or target.plug is Plug.UNPLUGGED)
            fits = idle and wanted.evse in free and len(free) > promised
        return ACCEPTED if fits else Outcome(Result.OCCUPIED)

    # ---- who may use an EVSE ------------------------------------------------------------------------------------------

    def match(self, evse: int, token: Token, group: Token | None) -> Reservation | None:
        """The reservation that this token, or its group, would use at an EVSE; one for just this EVSE first."""
        fitting = [held for held in self if held.evse in (evse, None) and held.admits(token, group)]
        return min(fitting, key=lambda held: held.evse is None, default=None)

    def bars(self, evse: int, token: Token, group: Token | None) -> tuple[Reservation, ...]:
        """The reservations that keep a token from an EVSE; none: it may. `group` None: not known."""
        here = tuple(held for held in self if held.evse == evse)
        if here:
            return () if any(held.admits(token, group) for held in here) else here
        if self.match(evse, token, group) is not None:
            return ()
        promises = tuple(held for held in self if held.evse is None)
        left = [other for other in self._spare() if other != evse]
        return promises if len(left) < len(promises) else ()

    def _spare(self) -> list[int]:
        """EVSEs that could still serve a promise of any EVSE."""
        taken = {held.evse for held in self}
        return [evse.id for evse in self._evses.values() if _free(evse) and evse.id not in taken]

    # ---- what time and the EVSEs do to them -----------------------------------------------------------------------------

    def review(self, now: Instant) -> None:
        """End what is over, and say which EVSEs are kept. Called after every change of the station."""
        if self._held and not self._context.halting:
            for held in self:
                how = self._over(held, now)
                if how is not None:
                    self._end(held, how)
        kept = frozenset(self._kept())
        if kept != self._context.reserved:
            changed = kept ^ self._context.reserved
            self._context.reserved = kept
            for number in sorted(changed):
                self._context.emit(EvseChanged(number))

    def _over(self, held: Reservation, now: Instant) -> ReservationEnd | None:
        for evse in self._evses.values():
            if evse.tx is not None and evse.tx.reservation_id == held.id and evse.tx.phase is not Phase.STARTING:
                return ReservationEnd.USED
        if now.wall_s is not None and now.wall_s >= held.expires_s:
            return ReservationEnd.EXPIRED
        targets = self._evses.values() if held.evse is None else [self._evses[held.evse]]
        if all(evse.blocked or not evse.available for evse in targets):
            return ReservationEnd.REMOVED
        return None

    def _end(self, held: Reservation, how: ReservationEnd) -> None:
        del self._held[held.id]
        self._context.emit(ReservationEnded(held, how))

    def _kept(self) -> Iterator[int]:
        promised = sum(held.evse is None for held in self)
        for held in self:
            if held.evse is not None and self._evses[held.evse].unclaimed:
                yield held.evse
        spare = self._spare()
        if promised and len(spare) <= promised:
            yield from spare

    def next_deadline(self, now: Instant) -> float | None:
        """Monotonic time at which the next one is over; None while nobody knows what time it is."""
        if now.wall_s is None:
            return None
        ends = [held.expires_s for held in self]
        return now.monotonic_s + min(ends) - now.wall_s if ends else None


def _free(evse: Evse) -> bool:
    """Nobody uses the EVSE, and it works. A cable without an authorised user does not count as use."""
    idle = evse.unclaimed and evse.auth.state is not AuthState.GRANTED and not evse.leftover
    return idle and evse.available and not evse.blocked
