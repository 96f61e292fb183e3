"""Feature profile LocalAuthListManagement of OCPP 1.6 (edition 2, sections 3.5, 5.10 and 5.15)."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware.core.values import Plug
from tests.station.play import OTHER_TAG, TAG, Play, play


def _entry(tag: str, status: str | None = "Accepted", **info: Any) -> dict[str, Any]:
    return {"idTag": tag} | ({} if status is None else {"idTagInfo": {"status": status, **info}})


async def _send(stage: Play, version: int, *entries: dict[str, Any], kind: str = "Full", **fields: Any) -> str:
    body = {"listVersion": version, "updateType": kind, "localAuthorizationList": list(entries), **fields}
    status: str = (await stage.csms.ask("SendLocalList", body))["status"]
    return status


async def _version(stage: Play) -> int:
    version: int = (await stage.csms.ask("GetLocalListVersion", {}))["listVersion"]
    return version


async def _starts(stage: Play, tag: str = TAG) -> bool:
    if stage.app.engine.station.evses[1].plug is Plug.UNPLUGGED:
        stage.plug()
    stage.tap(tag)
    await asyncio.sleep(60)
    return stage.app.engine.station.evses[1].running is not None


def test_get_local_list_version_tells_0_for_an_empty_list_and_then_the_version_sent(tmp_path: Path) -> None:
    """A full update may also lower the version, and one without entries empties the list."""

    async def scenario(stage: Play) -> None:
        assert await _version(stage) == 0
        assert await _send(stage, 20, _entry(TAG)) == "Accepted"
        assert await _version(stage) == 20
        assert await _send(stage, 3, _entry(OTHER_TAG)) == "Accepted"
        assert await _version(stage) == 3
        assert await stage.csms.ask("SendLocalList", {"listVersion": 4, "updateType": "Full"}) == {"status": "Accepted"}
        assert await _version(stage) == 0
        assert await _send(stage, 1, _entry(TAG), kind="Differential") == "Accepted"

    play(tmp_path, scenario)


def test_a_list_that_a_differential_update_emptied_begins_anew(tmp_path: Path) -> None:
    """Its version is told as 0, so that any version above it is a newer one, also after a restart."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 20, _entry(TAG))
        assert await _send(stage, 21, _entry(TAG, None), kind="Differential") == "Accepted"
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        assert await _version(stage) == 0
        assert await _send(stage, 1, _entry(OTHER_TAG), kind="Differential") == "Accepted"
        assert await _version(stage) == 1

    play(tmp_path, scenario)


def test_a_differential_update_with_an_old_version_is_a_version_mismatch(tmp_path: Path) -> None:
    """Equal or lower; the list and its version stay as they are."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 5, _entry(TAG))
        for version in (5, 4):
            assert await _send(stage, version, _entry(TAG, None), kind="Differential") == "VersionMismatch"
        assert await _version(stage) == 5
        assert await _send(stage, 6, _entry(TAG, None), _entry(OTHER_TAG), kind="Differential") == "Accepted"
        await stage.offline()
        assert not await _starts(stage)
        assert await _starts(stage, OTHER_TAG)

    play(tmp_path, scenario)


FAILURES: dict[str, list[dict[str, Any]]] = {
    "the same idTag twice": [_entry(TAG), _entry(TAG.lower())],
    "an entry of a full list without idTagInfo": [_entry(TAG, None)],
    "more entries than SendLocalListMaxLength": [_entry(f"T{number}") for number in range(4)],
    "more entries than LocalAuthListMaxLength": [_entry(f"T{number}") for number in range(3)],
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_full_update_that_cannot_be_kept_fails_and_leaves_the_old_list(tmp_path: Path, what: str) -> None:
    """Failed, and nothing changes."""

    async def scenario(stage: Play) -> None:
        assert await _send(stage, 5, _entry(TAG)) == "Accepted"
        assert await _send(stage, 6, *FAILURES[what]) == "Failed"
        assert await _version(stage) == 5
        await stage.offline()
        assert await _starts(stage)

    play(tmp_path, scenario, keys={"LocalAuthListMaxLength": "2", "SendLocalListMaxLength": "3"})


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_is_none_fails(tmp_path: Path, version: int) -> None:
    """0 and -1 have meanings of their own."""

    async def scenario(stage: Play) -> None:
        assert await _send(stage, version, _entry(TAG)) == "Failed"
        assert await _version(stage) == 0

    play(tmp_path, scenario)


def test_a_list_that_is_disabled_is_told_as_none_and_decides_nothing(tmp_path: Path) -> None:
    """GetLocalListVersion -1, SendLocalList NotSupported; what was on it counts again when it is enabled."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 5, _entry(TAG))
        await stage.set_key("LocalAuthListEnabled", "false")
        assert await _version(stage) == -1
        assert await _send(stage, 6, _entry(OTHER_TAG)) == "NotSupported"
        await stage.set_key("LocalAuthListEnabled", "true")
        assert await _version(stage) == 5
        await stage.set_key("LocalAuthListEnabled", "false")
        await stage.offline()
        assert not await _starts(stage)

    play(tmp_path, scenario)


def test_the_list_comes_before_the_cache(tmp_path: Path) -> None:
    """A token that the cache knows as valid and the list as blocked does not charge offline."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.finish()
        assert await _send(stage, 1, _entry(TAG, "Blocked")) == "Accepted"
        await stage.offline()
        assert not await _starts(stage)

    play(tmp_path, scenario)


def test_a_listed_token_is_never_cached(tmp_path: Path) -> None:
    """Neither one that was cached before it came on the list, nor one that is answered for later."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.finish()
        cache = stage.app.engine.station.desk.cache
        assert len(cache) == 1
        await _send(stage, 1, _entry(TAG))
        assert len(cache) == 0
        await stage.charge(60)
        await stage.finish()
        assert len(cache) == 0

    play(tmp_path, scenario)


def test_online_a_listed_token_starts_at_once_with_local_pre_authorize(tmp_path: Path) -> None:
    """Without an Authorize; without the key the central system is asked."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 1, _entry(TAG))
        await stage.charge(10)
        await stage.finish()
        assert stage.csms.named("Authorize") == []
        await stage.set_key("LocalPreAuthorize", "false")
        await stage.charge(10)
        assert len(stage.csms.named("Authorize")) == 1

    play(tmp_path, scenario, keys={"LocalPreAuthorize": "true"})


OFFLINE = [
    (_entry(TAG), True),
    (_entry(TAG, "ConcurrentTx"), True),  # the id is valid; where else it charges the list cannot know
    (_entry(TAG, "Blocked"), False),
    (_entry(TAG, "Expired"), False),
    (_entry(TAG, "Invalid"), False),
    (_entry(TAG, expiryDate="2001-01-01T00:00:00Z"), False),
]


@pytest.mark.parametrize(("entry", "started"), OFFLINE)
def test_offline_the_list_decides(tmp_path: Path, entry: dict[str, Any], started: bool) -> None:
    """A valid entry may charge; every other one is refused even where unknown tokens may."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 1, entry)
        await stage.offline()
        assert await _starts(stage) is started

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})


def test_an_entry_stops_to_be_valid_at_its_expiry_date(tmp_path: Path) -> None:
    """Not before."""

    async def scenario(stage: Play) -> None:
        until = datetime.fromtimestamp(stage.sim.wall_s() + 600, UTC).isoformat()
        await _send(stage, 1, _entry(TAG, expiryDate=until))
        await stage.offline()
        assert await _starts(stage)
        stage.tap()
        await stage.unplug()
        await asyncio.sleep(600)
        assert not await _starts(stage)

    play(tmp_path, scenario)


def test_a_token_of_the_same_parent_on_the_list_ends_a_transaction_offline(tmp_path: Path) -> None:
    """The list knows the parents of both."""

    async def scenario(stage: Play) -> None:
        family = {"parentIdTag": "FAMILY"}
        await _send(stage, 1, _entry(TAG, **family), _entry(OTHER_TAG, **family))
        await stage.offline()
        assert await _starts(stage)
        stage.tap(OTHER_TAG)
        await asyncio.sleep(10)
        assert stage.app.engine.station.evses[1].running is None

    play(tmp_path, scenario)


@pytest.mark.parametrize(("listed", "told_of"), [("Accepted", "Blocked"), ("Blocked", "Accepted")])
def test_a_contradiction_of_the_list_is_told_as_local_list_conflict(tmp_path: Path, listed: str, told_of: str) -> None:
    """StatusNotification for connector 0, once an answer (here to Authorize, and to the start), whichever of the two accepts; the
    list stays as it is."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 1, _entry(TAG, listed))
        stage.csms.authorise(told_of)
        assert await _starts(stage) is (told_of == "Accepted")
        told = [call.payload for call in stage.csms.named("StatusNotification")]
        conflicts = [payload for payload in told if payload["errorCode"] == "LocalListConflict"]
        answers = len(stage.csms.named("Authorize") + stage.csms.named("StartTransaction"))
        assert [(found["connectorId"], found["status"]) for found in conflicts] == [(0, "Available")] * answers
        assert await _version(stage) == 1

    play(tmp_path, scenario)


def test_the_list_survives_a_power_cut(tmp_path: Path) -> None:
    """Entries, what was removed, and the version."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 1, _entry(TAG), _entry(OTHER_TAG))
        await _send(stage, 2, _entry(OTHER_TAG, None), kind="Differential")
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        assert await _version(stage) == 2
        await stage.offline()
        assert not await _starts(stage, OTHER_TAG)
        assert await _starts(stage)

    play(tmp_path, scenario)


def test_the_keys_of_the_profile_are_there_with_it(tmp_path: Path) -> None:
    """LocalAuthListEnabled can be written, the two limits only read."""

    async def scenario(stage: Play) -> None:
        names = ["LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"]
        answer = await stage.csms.ask("GetConfiguration", {"key": names})
        found = {key["key"]: (key["value"], key["readonly"]) for key in answer["configurationKey"]}
        assert found == dict(zip(names, [("true", False), ("1000", True), ("200", True)], strict=True))
        assert "LocalAuthListManagement" in (await stage.key("SupportedFeatureProfiles") or "").split(",")

    play(tmp_path, scenario)


def test_without_the_profile_neither_its_keys_nor_its_name_are_there(tmp_path: Path) -> None:
    """And a list from a time when it was there decides nothing."""

    async def scenario(stage: Play) -> None:
        await _send(stage, 1, _entry(TAG))
        await stage.end_station()
        stage.settings = {"station.profiles": "RemoteTrigger"}
        await stage.start_station()
        await stage.online()
        assert await stage.key("SupportedFeatureProfiles") == "Core,RemoteTrigger"
        answer = await stage.csms.ask("GetConfiguration", {"key": ["LocalAuthListEnabled"]})
        assert answer == {"unknownKey": ["LocalAuthListEnabled"]}
        await stage.offline()
        assert not await _starts(stage)

    play(tmp_path, scenario)


def test_the_cache_drops_the_oldest_token_also_after_a_restart(tmp_path: Path) -> None:
    """It remembers in which order it learned."""

    async def scenario(stage: Play) -> None:
        tags = ["04FF", "0411", "0488"]
        for tag in tags:
            stage.tap(tag)
            await asyncio.sleep(1)
            stage.tap(tag)
            await asyncio.sleep(1)
        await stage.end_station()
        await stage.start_station()
        assert [token.value for token, _ in stage.app.engine.station.desk.cache] == tags

    play(tmp_path, scenario)
