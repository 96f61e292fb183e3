"""What a presented token does besides starting: cancel, stop, release (OCPP 1.6 edition 2, sections 3.5, 4.9 and 4.10)."""

import asyncio
from pathlib import Path

import pytest

from tests.station.play import OTHER_TAG, TAG, Play, play
from tests.station.scripted import Answer, Call


def _groups(stage: Play, groups: dict[str, str]) -> None:
    """Answer Authorize with the parent of each tag."""

    def answer(call: Call) -> Answer:
        parent = groups.get(call.payload["idTag"])
        return {"idTagInfo": {"status": "Accepted", **({"parentIdTag": parent} if parent else {})}}

    stage.csms.scripts["Authorize"] = answer


async def _stopped_by(stage: Play, tag: str) -> bool:
    """Show a tag during a charge; True when it ended the charge."""
    stage.tap(tag)
    await asyncio.sleep(45)
    stops = stage.csms.named("StopTransaction")
    if stops:
        assert stops[0].payload["idTag"] == tag
        assert stops[0].payload["reason"] == "Local"
    return bool(stops)


def test_an_authorisation_lapses_when_nobody_plugs_in(tmp_path: Path) -> None:
    """ConnectionTimeOut runs from Preparing; then the EVSE is Available again and nothing was told of a transaction."""

    async def scenario(stage: Play) -> None:
        stage.tap()
        await stage.status("Preparing")
        began = stage.sim.loop.time()
        await stage.status("Available")
        assert stage.sim.loop.time() - began == pytest.approx(30, abs=1)
        stage.plug()
        await asyncio.sleep(30)
        assert stage.status_now() == "Preparing"
        assert stage.csms.named("StartTransaction") == []

    play(tmp_path, scenario, keys={"ConnectionTimeOut": "30"})


def test_a_connection_timeout_of_zero_waits_for_ever(tmp_path: Path) -> None:
    """0 switches the time-out off."""

    async def scenario(stage: Play) -> None:
        stage.tap()
        await asyncio.sleep(7200)
        assert stage.status_now() == "Preparing"
        stage.plug()
        await stage.status("Charging")

    play(tmp_path, scenario, keys={"ConnectionTimeOut": "0"})


def test_a_changed_connection_timeout_counts_for_the_next_authorisation(tmp_path: Path) -> None:
    """ChangeConfiguration of ConnectionTimeOut needs no restart."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("ConnectionTimeOut", "5")
        stage.tap()
        await stage.status("Preparing")
        await stage.status("Available", timeout_s=6)

    play(tmp_path, scenario)


def test_the_same_tag_again_before_the_start_cancels(tmp_path: Path) -> None:
    """Who presents the tag a second time has changed their mind: Available, no transaction."""

    async def scenario(stage: Play) -> None:
        stage.tap()
        await stage.status("Preparing")
        stage.tap()
        await stage.status("Available")
        stage.plug()
        await asyncio.sleep(10)
        assert stage.csms.named("StartTransaction") == []
        assert len(stage.csms.named("Authorize")) == 1

    play(tmp_path, scenario)


def test_a_cancelled_question_is_no_authorisation(tmp_path: Path) -> None:
    """A second presentation while Authorize is under way cancels, whatever the answer is."""

    async def scenario(stage: Play) -> None:
        asked = asyncio.Event()

        async def late(_: Call) -> Answer:
            await asked.wait()
            return {"idTagInfo": {"status": "Accepted"}}

        stage.csms.scripts["Authorize"] = late
        stage.plug()
        stage.tap()
        await stage.csms.heard("Authorize")
        stage.tap()
        await asyncio.sleep(1)
        asked.set()
        await asyncio.sleep(10)
        assert stage.csms.named("StartTransaction") == []
        assert stage.status_now() == "Preparing"

    play(tmp_path, scenario)


def test_the_starters_tag_stops_without_being_asked_about(tmp_path: Path) -> None:
    """The same idTag ends the transaction; Authorize must not be sent for it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        assert await _stopped_by(stage, TAG)
        assert len(stage.csms.named("Authorize")) == 1

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("groups", "stopped"),
    [
        ({TAG: "FLEET", OTHER_TAG: "fleet"}, True),  # parents compare without regard to case
        ({TAG: "FLEET", OTHER_TAG: "FAMILY"}, False),
        ({TAG: "FLEET"}, False),
        ({OTHER_TAG: "FLEET"}, False),
        ({}, False),
        ({TAG: OTHER_TAG}, False),  # a parent is never compared with a presented tag
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_another_tag_stops_only_with_the_same_parent(
    tmp_path: Path, groups: dict[str, str], stopped: bool, known: bool
) -> None:
    """Any other tag needs the parent of the starter, from the cache if it is known there and else from Authorize."""

    async def scenario(stage: Play) -> None:
        _groups(stage, groups)
        if known:
            stage.tap(OTHER_TAG)
            await stage.csms.heard("Authorize")
            await asyncio.sleep(1)
            stage.tap(OTHER_TAG)
            await stage.status("Available")
        await stage.charge(60)
        asked = len(stage.csms.named("Authorize"))
        assert await _stopped_by(stage, OTHER_TAG) is stopped
        if known and OTHER_TAG in groups:
            assert len(stage.csms.named("Authorize")) == asked
        assert stage.status_now() == ("Finishing" if stopped else "Charging")

    play(tmp_path, scenario)


def test_a_parent_of_the_starts_answer_counts(tmp_path: Path) -> None:
    """parentIdTag of StartTransaction.conf is the parent of the transaction as well."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: stage.csms.start(call, parentIdTag="FLEET")
        _groups(stage, {OTHER_TAG: "FLEET"})
        await stage.charge(60)
        assert await _stopped_by(stage, OTHER_TAG)

    play(tmp_path, scenario)


def test_a_blocked_tag_of_the_same_parent_does_not_stop(tmp_path: Path) -> None:
    """The same parent is not enough: the tag itself must be Accepted."""

    async def scenario(stage: Play) -> None:
        def answer(call: Call) -> Answer:
            status = "Accepted" if call.payload["idTag"] == TAG else "Blocked"
            return {"idTagInfo": {"status": status, "parentIdTag": "FLEET"}}

        stage.csms.scripts["Authorize"] = answer
        await stage.charge(60)
        assert not await _stopped_by(stage, OTHER_TAG)
        assert not await _stopped_by(stage, OTHER_TAG)  # now it is in the cache

    play(tmp_path, scenario)


@pytest.mark.parametrize("known", [True, False])
def test_offline_a_tag_stops_only_if_its_parent_is_known(tmp_path: Path, known: bool) -> None:
    """Without the central system only the cache can tell the parent; an unknown one stops nothing."""

    async def scenario(stage: Play) -> None:
        _groups(stage, {TAG: "FLEET", OTHER_TAG: "FLEET"})
        if known:
            for _ in range(2):
                stage.tap(OTHER_TAG)
                await asyncio.sleep(1)
        await stage.charge(60)
        await stage.offline()
        stage.tap(OTHER_TAG)
        await asyncio.sleep(30)
        assert stage.status_now() == ("Finishing" if known else "Charging")

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})


def test_a_tag_shown_again_after_the_stop_starts_a_new_transaction(tmp_path: Path) -> None:
    """Finishing becomes Preparing when a tag is presented, and that is another transaction."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.tap()
        await stage.status("Finishing")
        await asyncio.sleep(10)
        stage.tap()
        await stage.csms.heard("StartTransaction", 2)
        await stage.status("Charging")
        await asyncio.sleep(1)
        assert stage.csms.statuses()[-4:] == ["Finishing", "Preparing", "SuspendedEV", "Charging"]

    play(tmp_path, scenario)
