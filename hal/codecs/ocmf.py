"""The Open Charge Metering Format: what a meter signed, as text. Reads its structure; the signature is checked by whoever bills.

A record is `OCMF|<payload>|<signature>`, both parts JSON objects. The text is evidence and is handed on as it came, byte for byte;
nothing here writes one. Source: Open Charge Metering Format 1.0 and 1.1, SAFE e.V., sections 3 to 5.
"""

import json
from dataclasses import dataclass
from typing import Any

from hal.errors import BadReply

HEADER = "OCMF|"
BEGIN = "B"
ENDS = frozenset("ELRAP")  # regular, ended locally, remotely, aborted, power failure
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class OcmfRecord:
    """What of a record concerns the station."""

    text: str
    meter_serial: str | None
    transaction_marks: tuple[str, ...]  # of its readings, in their order: B begin, C charging, E end …

    @property
    def closed(self) -> bool:
        """True when it holds the begin and the end of a transaction, and so an amount of energy."""
        return (
            len(self.transaction_marks) > 1
            and self.transaction_marks[0] == BEGIN
            and self.transaction_marks[-1] in ENDS
        )


def parse(text: str) -> OcmfRecord:
    """Read a record. Raises BadReply for text that is none, with its beginning."""
    text = text.strip()
    payload, signature = _sections(text)
    readings = payload.get("RD")
    if not isinstance(readings, list) or not all(isinstance(reading, dict) for reading in readings):
        raise BadReply(f"OCMF record without readings (RD): {_shown(text)}")
    if not isinstance(signature.get("SD"), str) or not signature["SD"]:
        raise BadReply(f"OCMF record without signature (SD): {_shown(text)}")
    serial = payload.get("MS")
    return OcmfRecord(
        text=text,
        meter_serial=serial if isinstance(serial, str) and serial else None,
        transaction_marks=tuple(str(reading.get("TX", "")) for reading in readings),
    )


def _sections(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Payload and signature. A bar may also stand inside of a JSON string, so the text is not just split."""
    decoder = json.JSONDecoder()
    try:
        if not text.startswith(HEADER):
            raise ValueError("no header")
        payload, bar = decoder.raw_decode(text, len(HEADER))
        if text[bar : bar + 1] != "|":
            raise ValueError("no signature section")
        signature, end = decoder.raw_decode(text, bar + 1)
    except (ValueError, RecursionError) as error:
        raise BadReply(f"not an OCMF record ({error}): {_shown(text)}") from None
    if end != len(text) or not isinstance(payload, dict) or not isinstance(signature, dict):
        raise BadReply(f"not an OCMF record (two JSON objects expected): {_shown(text)}")
    return payload, signature


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")
