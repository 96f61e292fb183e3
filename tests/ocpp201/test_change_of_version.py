"""A station that offers both versions: state and queue survive a change from one to the other and back."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ocpp201.play import Play, Scripted201
from tests.station.play import play
from tests.station.scripted import Answer, Call

BOTH = {"csms.protocols": "ocpp2.0.1,ocpp1.6"}


class Bilingual(Scripted201):
    """Speaks whichever version it is told to."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__(now_s)
        self.speak("ocpp2.0.1")

    def speak(self, protocol: str) -> None:
        """From the next connection on."""
        self.subprotocol = protocol

    def kindly(self, call: Call) -> Answer:
        """As the version has it."""
        if call.action == "Authorize" and "idTag" in call.payload:
            return {"idTagInfo": {"status": "Accepted"}}
        return super().kindly(call)


async def change(stage: Play, protocol: str) -> Bilingual:
    """The central system comes back and picks another version."""
    csms = bilingual(stage)
    csms.speak(protocol)
    stage.start_csms()
    await stage.online()
    await stage.delivered()
    return csms


def bilingual(stage: Play) -> Bilingual:
    """The central system."""
    assert isinstance(stage.csms, Bilingual)
    return stage.csms


def act(tmp_path: Path, scenario: Any) -> None:
    """Play with both versions offered."""
    keys = {"AllowOfflineTxForUnknownId": "true"}
    play(tmp_path, scenario, settings=BOTH, csms=Bilingual, connected=None, keys=keys)


def test_the_central_system_picks_the_version(tmp_path: Path) -> None:
    """Both are offered in order of preference, and what is picked is spoken (part 4, section 3.1.2)."""

    async def scenario(stage: Play) -> None:
        for protocol, field in (("ocpp1.6", "chargePointModel"), ("ocpp2.0.1", "chargingStation")):
            bilingual(stage).speak(protocol)
            stage.start_csms()
            if not stage.alive:
                await stage.start_station()
            await stage.online()
            assert field in stage.csms.named("BootNotification")[-1].payload
            assert stage.app.translator.protocol == protocol
            await stage.offline()

    act(tmp_path, scenario)


def test_facts_of_one_version_are_told_in_the_other(tmp_path: Path) -> None:
    """What happened offline is told in whatever version is spoken then: a whole charge from 1.6 to 2.0.1, and back."""

    async def scenario(stage: Play) -> None:
        csms = bilingual(stage)
        csms.speak("ocpp1.6")
        stage.start_csms()
        await stage.start_station()
        await stage.online()
        await stage.offline()
        await stage.charge(300)
        stage.tap()
        await stage.unplug()
        first_wh = stage.meter_wh()
        await change(stage, "ocpp2.0.1")
        assert [csms.events[0]["eventType"], csms.events[-1]["eventType"]] == ["Started", "Ended"]
        assert (csms.registers("Transaction.Begin"), csms.registers("Transaction.End")) == ([0], [first_wh])
        assert csms.named("StartTransaction") == []
        await stage.offline()
        await stage.charge(300)
        stage.tap()
        await stage.unplug()
        await change(stage, "ocpp1.6")
        (transaction,) = csms.transactions
        assert (transaction["start"]["meterStart"], transaction["stop"]["meterStop"]) == (first_wh, stage.meter_wh())
        assert len(csms.registers("Transaction.End")) == 1

    act(tmp_path, scenario)


def test_a_running_transaction_goes_on_in_the_other_version(tmp_path: Path) -> None:
    """Begun under 1.6 it ends under 2.0.1 with its own key and number, and nothing of it is left behind for 1.6."""

    async def scenario(stage: Play) -> None:
        csms = bilingual(stage)
        csms.speak("ocpp1.6")
        stage.start_csms()
        await stage.start_station()
        await stage.online()
        await stage.charge(200)
        key = stage.app.engine.station.evses[1].running.id  # type: ignore[union-attr]
        assert stage.app.translator.remote_id(key) == 1
        await stage.offline()
        await change(stage, "ocpp2.0.1")
        await asyncio.sleep(100)
        stage.tap()
        await stage.unplug()
        await csms.heard("TransactionEvent", 2)
        await stage.delivered()
        assert {event["transactionInfo"]["transactionId"] for event in csms.events} == {key}
        assert csms.events[-1]["eventType"] == "Ended"
        assert csms.registers("Transaction.End") == [stage.meter_wh()]
        await stage.offline()
        await change(stage, "ocpp1.6")
        assert csms.named("StopTransaction") == []
        assert stage.status_now() == "Available"
        await stage.charge(60)
        await stage.finish()
        assert csms.transactions[-1]["stop"]["meterStop"] == stage.meter_wh()

    act(tmp_path, scenario)


def test_settings_tokens_and_availability_are_the_same_in_both(tmp_path: Path) -> None:
    """What the central system set, said and commanded under one version holds under the other, over a restart too."""

    async def scenario(stage: Play) -> None:
        csms = bilingual(stage)
        csms.speak("ocpp2.0.1")
        stage.start_csms()
        await stage.start_station()
        await stage.online()
        item = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "LocalPreAuthorize"}, "attributeValue": "true"}
        await csms.ask("SetVariables", {"setVariableData": [item]})
        await csms.ask("ChangeAvailability", {"operationalStatus": "Inoperative", "evse": {"id": 2}})
        await stage.charge(60)
        await stage.finish()
        await stage.offline()
        await stage.end_station()
        csms.speak("ocpp1.6")
        stage.start_csms()
        await stage.start_station()
        await stage.online()
        assert await stage.key("LocalPreAuthorize") == "true"
        assert stage.status_now(2) == "Unavailable"
        asked = len(csms.named("Authorize"))
        await stage.charge(60)
        assert len(csms.named("Authorize")) == asked

    act(tmp_path, scenario)


def test_only_the_version_that_is_spoken_is_loaded_at_the_next_start(tmp_path: Path) -> None:
    """The version spoken last is remembered; the other translator is not made."""

    async def scenario(stage: Play) -> None:
        bilingual(stage).speak("ocpp1.6")
        stage.start_csms()
        await stage.start_station()
        assert stage.app.translator.protocol == "ocpp2.0.1"  # the preferred one, until something was spoken
        await stage.online()
        await stage.end_station()
        await stage.start_station()
        assert stage.app.translator.protocol == "ocpp1.6"
        await stage.online()

    act(tmp_path, scenario)
