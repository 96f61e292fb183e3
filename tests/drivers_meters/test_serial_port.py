"""The serial port on real pseudo-terminals."""

import asyncio
import errno
import termios
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import serial

from hal.drivers.serial_port import SerialPort
from hal.errors import DeviceLost, DeviceTimeout
from tests.drivers_meters.lines import cable, far_end, needs_socat


def open_files() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_bytes_travel_both_ways() -> None:
    """What one end writes, the other reads, whatever the byte values."""
    every_byte = bytes(range(256))
    with far_end() as line:
        port = SerialPort(line.path, 115200)
        await port.open()
        await port.write(every_byte)
        assert await line.receive(256) == every_byte
        line.send(every_byte)
        received = b""
        while len(received) < 256:
            received += await port.read_some()
        assert received == every_byte
        await port.close()


async def test_reading_waits_for_a_byte() -> None:
    """A line without data makes the reader wait, and does not count as a hang-up."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        reading = asyncio.create_task(port.read_some())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not reading.done()
        line.send(b"\x00")
        assert await reading == b"\x00"
        await port.close()


async def test_a_cancelled_reading_loses_nothing() -> None:
    """Bytes that come after a reading was given up go to the next one."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(port.read_some(), 0)
        line.send(b"late")
        assert await port.read_some() == b"late"
        await port.close()


async def test_discarded_input_is_not_read() -> None:
    """What came before `discard_input` is forgotten."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        line.send(b"old")
        port.discard_input()
        line.send(b"new")
        assert await port.read_some() == b"new"
        await port.close()


async def test_opening_forgets_what_came_before() -> None:
    """Bytes from before the opening belong to nobody."""
    with far_end() as line:
        line.send(b"old")
        port = SerialPort(line.path)
        await port.open()
        line.send(b"new")
        assert await port.read_some() == b"new"
        await port.close()


async def test_a_second_program_is_refused() -> None:
    """A port that is open cannot be opened again, and the error says that it is in use."""
    with far_end() as line:
        first, second = SerialPort(line.path), SerialPort(line.path)
        await first.open()
        with pytest.raises(DeviceLost, match="another program"):
            await second.open()
        await first.close()
        await second.open()
        await second.close()


async def test_unplugging_ends_a_waiting_reader() -> None:
    """A reader that waits gets DeviceLost at once when the line goes, and the port counts as closed."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        reading = asyncio.create_task(port.read_some())
        await asyncio.sleep(0)
        line.unplug()
        with pytest.raises(DeviceLost, match="unplugged"):
            await reading
        assert not port.is_open
        with pytest.raises(DeviceLost, match="not open"):
            await port.write(b"x")


async def test_an_error_of_the_kernel_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """USB adapters that are pulled out while being read give EIO instead of an end."""

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        monkeypatch.setattr("os.read", fail)
        with pytest.raises(DeviceLost, match="Input/output error"):
            await port.read_some()
        assert not port.is_open


async def test_unplugging_is_seen_by_a_writer() -> None:
    """Writing to a line that has gone raises DeviceLost."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        line.unplug()
        with pytest.raises(DeviceLost):
            await port.write(b"x")


async def test_unplugging_is_seen_by_discard_input() -> None:
    """Emptying a line that has gone raises DeviceLost."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        line.unplug()
        with pytest.raises(DeviceLost):
            port.discard_input()


async def test_closing_ends_a_waiting_reader() -> None:
    """Whoever waits for bytes is told that the port was closed."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        reading = asyncio.create_task(port.read_some())
        await asyncio.sleep(0)
        await port.close()
        with pytest.raises(DeviceLost, match="closed"):
            await reading
        await port.close()


async def test_a_line_that_takes_nothing_times_out() -> None:
    """A blocked line does not block the program: writing gives up after the time that the bytes need, and a grace."""
    with far_end() as line:
        port = SerialPort(line.path, 4_000_000)
        await port.open()
        with pytest.raises(DeviceTimeout, match="took no more data"):
            await port.write(bytes(100_000))  # nobody reads the other end
        await port.close()


async def test_a_path_without_a_device_is_named() -> None:
    """The error names the path and asks the question that finds the trouble."""
    with pytest.raises(DeviceLost, match="/dev/no-such-port: there is no such device"):
        await SerialPort("/dev/no-such-port").open()


async def test_a_file_that_is_no_serial_port_is_refused(tmp_path: Path) -> None:
    """An ordinary file cannot be opened as a port."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DeviceLost, match="file"):
        await SerialPort(str(tmp_path / "file")).open()


async def test_settings_that_the_line_refuses_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel driver that cannot do the settings makes DeviceLost, which names them."""

    def refuse(*_: object) -> None:  # whether a pseudo-terminal refuses parity depends on the kernel
        raise termios.error(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(termios, "tcsetattr", refuse)
    with far_end() as line, pytest.raises(DeviceLost, match="9600 8E1"):
        await SerialPort(line.path, parity="E").open()


@pytest.mark.parametrize(
    "settings",
    [{"parity": "X"}, {"data_bits": 9}, {"stop_bits": 3}, {"baud": 0}],
    ids=lambda settings: next(iter(settings)),
)
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    """Settings that no line has raise ValueError when the port is made."""
    with pytest.raises(ValueError, match="/dev/ttyS0"):
        SerialPort("/dev/ttyS0", **settings)  # type: ignore[arg-type]


async def test_opening_twice_changes_nothing() -> None:
    """`open` on an open port leaves it as it is, with what it has received."""
    with far_end() as line:
        port = SerialPort(line.path)
        await port.open()
        line.send(b"kept")
        await port.open()
        assert await port.read_some() == b"kept"
        await port.close()


async def test_no_descriptor_is_left_behind() -> None:
    """Opening, losing and closing ports many times keeps the number of open files."""
    before = open_files()
    for _ in range(5):
        with far_end() as line:
            port = SerialPort(line.path)
            await port.open()
            line.unplug()
            with pytest.raises(DeviceLost):
                await port.read_some()
    assert open_files() == before


def one_worker() -> None:
    """Opening happens in a single thread, so that a test can wait for its end."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))


async def one_worker_is_idle() -> None:
    """What was handed to the thread before has ended, and the loop has been told."""
    await asyncio.get_running_loop().run_in_executor(None, int)


@pytest.fixture
def slow_kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A kernel driver whose opening takes until the event is set."""
    go_on = threading.Event()
    real = serial.Serial

    def hang(*args: object, **options: object) -> object:
        go_on.wait()
        return real(*args, **options)

    monkeypatch.setattr(serial, "Serial", hang)
    yield go_on
    go_on.set()


async def test_an_opening_that_hangs_is_given_up(slow_kernel: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program goes on, and the port that opens later after all is released for the next attempt."""
    one_worker()
    monkeypatch.setattr("hal.drivers.serial_port.OPEN_TIMEOUT_S", 0.05)
    with far_end() as line:
        port = SerialPort(line.path)
        with pytest.raises(DeviceLost, match="opening hangs"):
            await port.open()
        slow_kernel.set()
        await one_worker_is_idle()
        await port.open()
        await port.close()


async def test_a_cancelled_opening_releases_the_port(slow_kernel: threading.Event) -> None:
    """A port that opens for somebody who has gone does not stay locked."""
    one_worker()
    with far_end() as line:
        opening = asyncio.create_task(SerialPort(line.path).open())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        slow_kernel.set()
        await one_worker_is_idle()
        second = SerialPort(line.path)
        await second.open()
        await second.close()


async def test_an_opening_that_fails_late_is_forgotten(
    slow_kernel: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody waits for any more does no harm."""
    one_worker()
    monkeypatch.setattr("hal.drivers.serial_port.OPEN_TIMEOUT_S", 0.05)
    with pytest.raises(DeviceLost, match="opening hangs"):
        await SerialPort("/dev/no-such-port").open()
    slow_kernel.set()
    await one_worker_is_idle()


@needs_socat
async def test_a_port_that_returns_is_opened_by_its_link(tmp_path: Path) -> None:
    """After an adapter was pulled out and plugged in elsewhere, the same link opens the new device."""
    link, other = tmp_path / "by-id", tmp_path / "other"
    port = SerialPort(str(link))
    async with cable(link, other):
        await port.open()
        first = link.resolve()
    with pytest.raises(DeviceLost):
        await port.read_some()
    with pytest.raises(DeviceLost, match="no such device"):
        await port.open()
    with far_end():  # takes the number of the terminal that has gone
        async with cable(link, other):
            assert link.resolve() != first
            far = SerialPort(str(other))
            await port.open()
            await far.open()
            await far.write(b"back")
            assert await port.read_some() == b"back"
            await port.close()
            await far.close()
