"""What all card readers share: one presentation is one value, and text becomes a token."""

import logging

from hal.clock import Clock
from hal.codecs.uid import BadUid, ByteOrder, UidFormat, parse_uid, token_of
from hal.types import TokenKind, TokenRead

log = logging.getLogger(__name__)

RELEASE_S = 1.0  # a card that has not been seen for so long has been taken away
COMPLAINT_EVERY_S = 10.0


class Presentations:
    """Tells new presentations from repeated sightings of a card that still lies on the reader.

    Several cards may lie there together: each counts once. `release_s` of not being seen ends a presentation.
    """

    def __init__(self, clock: Clock, release_s: float = RELEASE_S) -> None:
        if release_s <= 0:
            raise ValueError(f"release_s must be above 0, is {release_s!r}")
        self._clock = clock
        self._release_s = release_s
        self._seen_at: dict[bytes, float] = {}

    def is_new(self, uid: bytes) -> bool:
        """Note that a card is seen; True when this begins a presentation."""
        self._forget()
        new = uid not in self._seen_at
        self._seen_at[uid] = self._clock.monotonic()
        return new

    def was_blind(self) -> None:
        """Note that the reader could not tell since the last look: the cards that lay there are taken to lie there still."""
        self._seen_at = dict.fromkeys(self._seen_at, self._clock.monotonic())

    def saw_none(self) -> None:
        """Note that the reader has looked and found no card."""
        self._forget()

    def _forget(self) -> None:
        now = self._clock.monotonic()
        self._seen_at = {seen: at for seen, at in self._seen_at.items() if now - at < self._release_s}


class TextCards:
    """Lines of text from a reader, turned into tokens.

    What is no card number is refused, with a log line at most every ten seconds that does not quote it.
    """

    def __init__(
        self,
        clock: Clock,
        place: str,
        *,
        layout: UidFormat,
        order: ByteOrder,
        lengths: tuple[int, ...],
        release_s: float,
        evses: tuple[int, ...],
    ) -> None:
        self._clock = clock
        self._place = place
        self._layout = UidFormat(layout)
        self._order = ByteOrder(order)
        self._lengths = lengths
        self._presentations = Presentations(clock, release_s)
        self._evses = evses
        self._refused = 0
        self._complained_at: float | None = None

    def token(self, text: str) -> TokenRead | None:
        """The token of a line; None for a card that still lies there and for what is no card number."""
        try:
            uid = parse_uid(text, self._layout, self._lengths)
        except BadUid as error:
            self._complain(error)
            return None
        if not self._presentations.is_new(uid):
            return None
        return TokenRead(token_of(uid, self._order), TokenKind.ISO14443, self._evses)

    def _complain(self, error: BadUid) -> None:
        self._refused += 1
        now = self._clock.monotonic()
        if self._complained_at is None or now - self._complained_at >= COMPLAINT_EVERY_S:
            self._complained_at = now
            log.warning(
                "card line refused reader=%s refused=%d reason=%s; check format, baud rate and that this is a card reader",
                self._place,
                self._refused,
                error,
            )
