"""AT commands of cellular modems: what to send, when an answer is complete, and what its lines mean.

Rules:

- One command is under way at a time. Its answer ends with a final line: `OK`, `ERROR`, `+CME ERROR: …` and a few others.
- Between, lines of the command's own form belong to it; every other line (an echo, an event of the modem) is not its answer.
- What the modem does not know is None, whatever number it uses for that.

Source: 3GPP TS 27.007 for commands that begin with +C; Quectel EC2x AT manual for those that begin with +Q; ITU-T V.250 for
the form of lines.
"""

import csv
import ipaddress
import re
from dataclasses import dataclass
from typing import NamedTuple

LINE_MAX = 512  # bytes; longer lines are noise

_ACCESS_TECHNOLOGY = {
    0: "GSM",
    1: "GSM",
    2: "UMTS",
    3: "EDGE",
    4: "HSDPA",
    5: "HSUPA",
    6: "HSPA",
    7: "LTE",
    8: "EC-GSM-IoT",
    9: "NB-IoT",
    10: "LTE",  # connected to a 5G core
    11: "5G NR",
    12: "5G NR",
    13: "LTE/5G NR",
}
_HOME, _ROAMING = frozenset({1, 6, 9}), frozenset({5, 7, 10})
_NOT_REGISTERED = frozenset({0, 2, 3, 8})  # 8: emergency calls only

IMSI = re.compile(r"\d{6,15}")
ICCID = re.compile(r"(?:\+Q?I?CCID:\s*)?\"?(89\d{16,18}F?)\"?")


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer: its information lines, and the final line, which is `OK` for success."""

    lines: tuple[str, ...]
    final: str

    @property
    def ok(self) -> bool:
        """True when the modem has done it."""
        return self.final == "OK"

    @property
    def first(self) -> str | None:
        """The first information line, None without one."""
        return self.lines[0] if self.lines else None


class Exchange:
    """One command and its answer. `prefix` is how its information lines begin (`+CSQ`), or a pattern that they match whole."""

    def __init__(self, command: str, prefix: str | re.Pattern[str] | None = None) -> None:
        self.command = command
        self._prefix = prefix
        self._lines: list[str] = []

    @property
    def request(self) -> bytes:
        """What goes to the modem."""
        return f"{self.command}\r".encode("ascii")

    def feed(self, line: bytes) -> Response | None:
        """Take a line from the modem; the answer once it is complete."""
        text = line.decode("ascii", "replace").strip()
        if _is_final(text):
            return Response(tuple(self._lines), text)
        if self._is_mine(text):
            self._lines.append(text)
        return None

    def _is_mine(self, text: str) -> bool:
        if self._prefix is None:
            return False
        if isinstance(self._prefix, str):
            return text.startswith(f"{self._prefix}:")
        return self._prefix.fullmatch(text) is not None


def _is_final(text: str) -> bool:
    return text in _FINAL or text.startswith(("+CME ERROR:", "+CMS ERROR:"))


_FINAL = frozenset({"OK", "ERROR", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE"})


class Registration(NamedTuple):
    """Whether the modem may use a network, and whether it is a foreign one; None where it does not tell."""

    registered: bool | None
    roaming: bool | None


class Operator(NamedTuple):
    """The network in use."""

    name: str | None
    technology: str | None


class RadioReport(NamedTuple):
    """`+QCSQ`: technology and received strength."""

    technology: str | None
    signal_dbm: int | None


def fields(line: str) -> list[str]:
    """The comma-separated values after the colon, without quotes."""
    values = line.partition(":")[2]
    return [value.strip() for value in next(csv.reader([values], skipinitialspace=True), [])]


def parse_signal_dbm(line: str) -> int | None:
    """`+CSQ: n,ber`: minus 113 dBm and 2 for each step, n from 0 to 31; 99 is not known."""
    number = _number(fields(line), 0)
    return None if number is None or not 0 <= number <= 31 else -113 + 2 * number


def parse_registration(line: str) -> Registration | None:
    """`+CEREG: mode,state…`; None for a line that the modem sent by itself, which has no mode."""
    values = fields(line)
    state = _number(values, 1)
    if _number(values, 0) is None or state is None or '"' in line.split(",")[1]:
        return None
    if state in _HOME:
        return Registration(True, False)
    if state in _ROAMING:
        return Registration(True, True)
    return Registration(False if state in _NOT_REGISTERED else None, None)


def parse_operator(line: str) -> Operator:
    """`+COPS: mode[,format,name[,technology]]`; without a network there is only the mode."""
    values = fields(line)
    number = _number(values, 3)
    technology = None if number is None else _ACCESS_TECHNOLOGY.get(number)
    return Operator(values[2] if len(values) > 2 and values[2] else None, technology)


def parse_address(line: str) -> str | None:
    """`+CGPADDR: context,address`: IPv4, or IPv6 as sixteen decimal numbers; None for a context without one."""
    values = fields(line)
    text = values[1] if len(values) > 1 else ""
    try:
        parts = bytes(int(part) for part in text.split(".")) if text.count(".") == 15 else None
        address = ipaddress.ip_address(text if parts is None else parts)
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)


def parse_radio_report(line: str) -> RadioReport:
    """`+QCSQ: "mode",rssi,…`; mode NOSERVICE without a network."""
    values = fields(line)
    if not values or values[0] in {"", "NOSERVICE"}:
        return RadioReport(None, None)
    strength = _number(values, 1)
    return RadioReport(values[0], strength if strength is not None and -140 <= strength < 0 else None)


def parse_temperature_c(lines: tuple[str, ...]) -> float | None:
    """`+QTEMP`: the hottest of its sensors, whether it gives them in one line or one in each; None without any."""
    values = [number for line in lines for text in fields(line) if (number := _whole(text)) is not None]
    plausible = [value for value in values if -40 <= value <= 150]
    return float(max(plausible)) if plausible else None


def parse_iccid(line: str) -> str | None:
    """`+CCID`, `+QCCID` or `+ICCID`, or the bare number: 18 to 20 digits; a filling F at the end is not part of it."""
    match = ICCID.fullmatch(line)
    return None if match is None else match[1].removesuffix("F")


def _number(values: list[str], index: int) -> int | None:
    return _whole(values[index]) if index < len(values) else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII) else None
