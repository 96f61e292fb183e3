"""The example of a vendor's messages works as its page says, and what goes wrong in a handler stays there."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from firmware.config import load_config
from firmware.errors import ConfigError
from firmware.vendors import ANSWER_TIMEOUT_S, VendorAnswer, Vendors
from tests.station.play import Play, play

EXAMPLE = Path(__file__).parents[2] / "examples" / "wayside-example-vendor"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example, importable."""
    monkeypatch.syspath_prepend(str(EXAMPLE))


async def transfer(
    stage: Play, message: str | None = None, data: str | None = None, vendor: str = "com.example"
) -> object:
    """DataTransfer."""
    fields = {"vendorId": vendor, "messageId": message, "data": data}
    return await stage.csms.ask("DataTransfer", {name: value for name, value in fields.items() if value is not None})


@pytest.mark.usefixtures("installed")
def test_the_configuration_names_a_handler_and_it_answers(tmp_path: Path) -> None:
    """Accepted with data, Rejected, UnknownMessageId; vendors that nobody named stay unknown."""

    async def scenario(stage: Play) -> None:
        named = Vendors(stage.app.engine, {"com.example": "wayside_example_vendor:make"})
        stage.app.vendors.register("com.example", partial(named.answer, "com.example"))
        assert await transfer(stage, "free") == {"status": "Accepted", "data": "[1, 2]"}
        stage.plug()
        await stage.status("Preparing")
        assert await transfer(stage, "plug", "1") == {"status": "Accepted", "data": "vehicle"}
        assert await transfer(stage, "plug", "9") == {"status": "Rejected", "data": "no EVSE 9"}
        assert await transfer(stage, "other") == {"status": "UnknownMessageId"}
        assert await transfer(stage, vendor="com.elsewhere") == {"status": "UnknownVendorId"}

    play(tmp_path, scenario)


def test_a_handler_that_fails_or_hangs_costs_its_own_message_only(tmp_path: Path) -> None:
    """Rejected, and the station goes on."""

    async def scenario(stage: Play) -> None:
        async def fails(*_: object) -> VendorAnswer:
            raise RuntimeError("a defect")

        async def hangs(*_: object) -> VendorAnswer:
            await asyncio.sleep(10 * ANSWER_TIMEOUT_S)
            raise AssertionError("nobody waits so long")

        stage.app.vendors.register("com.fails", fails)
        stage.app.vendors.register("com.hangs", hangs)
        for vendor in ("com.fails", "com.hangs"):
            assert await transfer(stage, "x", vendor=vendor) == {"status": "Rejected"}
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_a_handler_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    """With the key and the reason."""

    async def scenario(stage: Play) -> None:
        with pytest.raises(ConfigError, match=r"vendors\.com\.example: 'no_such_module:make' cannot be imported"):
            Vendors(stage.app.engine, {"com.example": "no_such_module:make"})

    play(tmp_path, scenario)


@pytest.mark.usefixtures("installed")
def test_the_page_of_the_example_is_a_configuration(tmp_path: Path) -> None:
    """As it stands."""
    text = (EXAMPLE / "README.md").read_text().partition("```toml\n")[2].partition("```")[0]
    file = tmp_path / "wayside.toml"
    file.write_text(text)
    assert load_config(file, environment={}).vendors == {"com.example": "wayside_example_vendor:make"}
