"""The diagnostics archive and the logs in it are bounded, and keep the newest."""

import json
import logging
import stat
import zipfile
from pathlib import Path

from firmware.frames import redact
from firmware.services import security_log as module
from firmware.services.archive import Span, cut, pack
from firmware.services.logbook import Logbook
from firmware.services.sections import masked
from firmware.services.security_log import SecurityLog
from hal.types import Instant, TimeTrust


def at(wall_s: float | None) -> Instant:
    """A moment."""
    return Instant(1.0, "boot", wall_s, TimeTrust.SYNCHRONISED)


def entries(log: SecurityLog, oldest_s: float | None = None, latest_s: float | None = None) -> list[str]:
    """Texts in the log."""
    return [json.loads(line)["text"] for line in log.read(oldest_s, latest_s).decode().splitlines()]


async def test_the_security_log_keeps_two_files_of_bounded_length(tmp_path: Path) -> None:
    """The oldest lines go; both files are private."""
    log, text = SecurityLog(tmp_path), "x" * 1000
    for number in range(700):
        log.add(at(1000.0 + number), "Event", f"{number} {text}")
        if number % 50 == 49:
            await log.flush()
    files = [tmp_path / name for name in (module.OLDER, module.FILE)]
    assert all(path.stat().st_size <= module.LONGEST_BYTES for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    kept = [int(entry.partition(" ")[0]) for entry in entries(log)]
    assert kept == list(range(kept[0], 700))
    assert len(kept) > 250


async def test_the_security_log_is_read_by_time_also_before_it_is_on_disk(tmp_path: Path) -> None:
    """Lines without a time are always among them; what another program left in the file is passed over."""
    log = SecurityLog(tmp_path)
    for wall_s, text in ((1000.0, "early"), (None, "unknown"), (2000.0, "late")):
        log.add(at(wall_s), "Event", text)
    assert entries(log, 1500.0) == ["unknown", "late"]
    await log.flush()
    with (tmp_path / module.FILE).open("a") as file:
        file.write("no JSON\n")
    log.add(at(3000.0), "Event", "held")
    assert entries(SecurityLog(tmp_path), None, 1500.0) == ["early", "unknown"]
    assert entries(log) == ["early", "unknown", "late", "held"]


async def test_a_security_log_that_cannot_be_written_goes_on_in_memory(tmp_path: Path) -> None:
    """Once the disk takes it again nothing is missing."""
    log = SecurityLog(tmp_path / "missing")
    log.add(at(1.0), "Event", "one")
    await log.flush()
    (tmp_path / "missing").mkdir()
    log.add(at(2.0), "Event", "two")
    await log.flush()
    assert entries(SecurityLog(tmp_path / "missing")) == ["one", "two"]


async def test_an_archive_gives_each_section_its_share_and_keeps_the_newest_lines(tmp_path: Path) -> None:
    """Whole lines only; the file is private."""
    lines = b"".join(f"line {number}\n".encode() for number in range(1000))
    path = tmp_path / "uploads" / "a.zip"
    await pack(path, {"a.txt": lambda _: lambda: lines, "b.txt": lambda _: lambda: b"short\n"}, Span(), limit=1000)
    with zipfile.ZipFile(path) as archive:
        long, short = archive.read("a.txt"), archive.read("b.txt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert short == b"short\n"
    assert len(long) <= 500
    assert long.startswith(b"line ")
    assert lines.endswith(long)
    assert cut(b"a very long line", 4) == b"line"


def test_the_logbook_keeps_the_newest_lines_within_its_bound() -> None:
    """And can be read by time."""
    book = Logbook(kept_characters=1000)
    logger = logging.getLogger("firmware.test")
    for number in range(100):
        record = logger.makeRecord("firmware.test", logging.INFO, __file__, 1, "event number=%d", (number,), None)
        record.created = 1000.0 + number
        book.emit(record)
    lines = book.read().decode().splitlines()
    assert sum(map(len, lines)) <= 1000
    assert lines[-1].endswith("event number=99")
    assert len(book.read(1095.0, 1097.0).decode().splitlines()) == 3


def test_frames_show_neither_tokens_nor_credentials() -> None:
    """Tokens are made short in the archive; credentials of a URL are hidden when the frame is taken."""
    frame = '[2,"1","StartTransaction",{"idTag":"04A1B2C3D4","connectorId":1}]'
    assert "04A1B2C3D4" not in masked(frame)
    assert '"idTag":"04…D4"' in masked(frame)
    order = '[2,"1","GetDiagnostics",{"location":"ftp://user:secret@host/in"}]'
    assert redact(order) == '[2,"1","GetDiagnostics",{"location":"ftp://***@host/in"}]'
