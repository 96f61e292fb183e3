"""Who may start a transaction (OCPP 1.6 edition 2, sections 3.4, 3.5 and 4.1): the decision table, row by row.

Tokens become known as in life: they were shown before, and the central system said something of them.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import OTHER_TAG, TAG, Play, play
from tests.station.scripted import Error


async def _introduce(stage: Play, status: str | None, **info: Any) -> None:
    """The central system has said this of the token once; None: it never heard of it."""
    if status is not None:
        stage.csms.authorise(status, **info)
        stage.tap()
        await stage.csms.heard("Authorize")
        await asyncio.sleep(1)
        if status == "Accepted":
            stage.tap()  # and its owner changed his mind
            await asyncio.sleep(1)
    stage.csms.calls.clear()


async def _tries(stage: Play) -> bool:
    """Plug in, show the token; True when a transaction started."""
    stage.plug()
    await stage.status("Preparing")
    stage.tap()
    await asyncio.sleep(60)
    return stage.app.engine.station.evses[1].running is not None


ONLINE = [
    # known as, LocalPreAuthorize, what Authorize answers, asked, started
    ("Accepted", "true", "Accepted", False, True),
    ("Accepted", "true", "Blocked", False, True),  # StartTransaction.conf is the check then
    ("Accepted", "false", "Accepted", True, True),
    ("Accepted", "false", "Blocked", True, False),
    ("Blocked", "true", "Accepted", True, True),
    ("Blocked", "true", "Blocked", True, False),
    (None, "true", "Accepted", True, True),
    (None, "false", "Invalid", True, False),
    (None, "false", "Expired", True, False),
    (None, "false", "ConcurrentTx", True, False),
]


@pytest.mark.parametrize(("known", "pre_authorize", "answer", "asked", "started"), ONLINE)
def test_online_the_central_system_decides(
    tmp_path: Path, known: str | None, pre_authorize: str, answer: str, asked: bool, started: bool
) -> None:
    """Authorize is sent unless the cache knows the token as valid and LocalPreAuthorize says that this is enough."""

    async def scenario(stage: Play) -> None:
        await _introduce(stage, known)
        stage.csms.authorise(answer)
        assert await _tries(stage) is started
        calls = stage.csms.named("Authorize")
        assert bool(calls) is asked
        assert all(call.payload == {"idTag": TAG} for call in calls)
        assert [call.payload["idTag"] for call in stage.csms.named("StartTransaction")] == [TAG] * started

    play(tmp_path, scenario, keys={"LocalPreAuthorize": pre_authorize})


OFFLINE = [
    # known as, LocalAuthorizeOffline, AllowOfflineTxForUnknownId, started
    ("Accepted", "true", "false", True),
    ("Accepted", "false", "false", False),
    ("Accepted", "false", "true", False),
    ("Blocked", "true", "true", False),
    ("Invalid", "true", "true", False),
    ("Expired", "true", "true", False),
    (None, "true", "true", True),
    (None, "false", "true", True),  # the keys are independent
    (None, "true", "false", False),
]


@pytest.mark.parametrize(("known", "local", "unknown", "started"), OFFLINE)
def test_offline_the_cache_and_the_keys_decide(
    tmp_path: Path, known: str | None, local: str, unknown: str, started: bool
) -> None:
    """What the cache knows as not valid is refused; the rest depends on the two keys."""

    async def scenario(stage: Play) -> None:
        await _introduce(stage, known)
        await stage.offline()
        assert await _tries(stage) is started

    play(tmp_path, scenario, keys={"LocalAuthorizeOffline": local, "AllowOfflineTxForUnknownId": unknown})


def test_offline_an_entry_past_its_expiry_date_is_refused(tmp_path: Path) -> None:
    """A token that was valid until a moment is not valid after it."""

    async def scenario(stage: Play) -> None:
        until = datetime.fromtimestamp(stage.sim.wall_s() + 60, UTC).isoformat()
        await _introduce(stage, "Accepted", expiryDate=until)
        await stage.offline()
        await asyncio.sleep(60)
        assert not await _tries(stage)

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})


@pytest.mark.parametrize("answer", [None, Error("NotImplemented"), Error("InternalError")])
def test_a_token_that_could_not_be_asked_about_is_decided_on_as_if_offline(
    tmp_path: Path, answer: Error | None
) -> None:
    """A time-out of Authorize, or a CALLERROR, leaves it to the cache and the keys."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["Authorize"] = lambda call: answer
        assert await _tries(stage)
        assert len(stage.csms.connections) == 1

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})


def test_without_the_cache_nothing_is_remembered(tmp_path: Path) -> None:
    """AuthorizationCacheEnabled=false: the cache is neither asked nor filled, and ClearCache is Rejected."""

    async def scenario(stage: Play) -> None:
        await _introduce(stage, "Accepted")
        assert await stage.csms.ask("ClearCache", {}) == {"status": "Rejected"}
        await stage.set_key("AuthorizationCacheEnabled", "true")
        await stage.offline()
        assert not await _tries(stage)

    play(tmp_path, scenario, keys={"AuthorizationCacheEnabled": "false"})


def test_a_cleared_cache_knows_nobody(tmp_path: Path) -> None:
    """ClearCache forgets every token, over restarts too."""

    async def scenario(stage: Play) -> None:
        await _introduce(stage, "Accepted")
        assert await stage.csms.ask("ClearCache", {}) == {"status": "Accepted"}
        await stage.offline()
        await stage.kill_station()
        await stage.start_station()
        assert not await _tries(stage)

    play(tmp_path, scenario)


def test_the_cache_outlives_the_program(tmp_path: Path) -> None:
    """What was learned of a token is there after a crash."""

    async def scenario(stage: Play) -> None:
        await _introduce(stage, "Accepted")
        await stage.offline()
        await stage.kill_station()
        await stage.start_station()
        assert await _tries(stage)

    play(tmp_path, scenario)


def test_answers_to_start_and_stop_update_the_cache(tmp_path: Path) -> None:
    """idTagInfo of StartTransaction and StopTransaction counts as much as that of Authorize."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: {"idTagInfo": {"status": "Blocked"}}
        await stage.charge(60)
        stage.tap()
        await stage.unplug()
        await stage.delivered()
        await stage.offline()
        assert not await _tries(stage)

    play(tmp_path, scenario)


def test_tags_compare_without_regard_to_case(tmp_path: Path) -> None:
    """idTag is a case-insensitive string: what was learned of one spelling holds for every other."""

    async def scenario(stage: Play) -> None:
        stage.do("token", token="MyCode7", evses=[1])
        await stage.csms.heard("Authorize")
        await asyncio.sleep(1)
        stage.do("token", token="MYCODE7", evses=[1])
        await stage.status("Available")
        await stage.offline()
        stage.plug()
        stage.do("token", token="mycode7", evses=[1])
        await stage.status("Charging")

    play(tmp_path, scenario)


def test_a_token_longer_than_an_id_tag_is_refused(tmp_path: Path) -> None:
    """Twenty characters are the limit: a longer code is not cut to somebody else's."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        stage.do("token", token="A-CODE-OF-26-CHARACTERS-XY", evses=[1])
        await asyncio.sleep(30)
        assert stage.csms.named("Authorize") == []
        assert stage.csms.named("StartTransaction") == []
        assert stage.status_now() == "Preparing"

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})


def test_a_remote_start_asks_only_where_the_key_says_so(tmp_path: Path) -> None:
    """AuthorizeRemoteTxRequests=true treats the tag like one at the reader; false starts, and the answer to the start decides."""

    async def scenario(stage: Play) -> None:
        stage.csms.authorise("Blocked")
        stage.plug()
        start = {"idTag": TAG, "connectorId": 1}
        assert await stage.csms.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
        await stage.csms.heard("Authorize")
        await asyncio.sleep(10)
        assert stage.csms.named("StartTransaction") == []
        await stage.set_key("AuthorizeRemoteTxRequests", "false")
        assert await stage.csms.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
        await stage.csms.heard("StartTransaction")
        assert len(stage.csms.named("Authorize")) == 1

    play(tmp_path, scenario)


@pytest.mark.parametrize("online", [True, False])
def test_no_other_token_charges_while_one_is_accepted(tmp_path: Path, online: bool) -> None:
    """Between acceptance and plug the EVSE belongs to whoever was accepted."""

    async def scenario(stage: Play) -> None:
        if not online:
            await stage.offline()
        stage.tap()
        await stage.status("Preparing")
        stage.tap(OTHER_TAG)
        await asyncio.sleep(2)
        stage.plug()
        await stage.status("Charging")
        token = stage.app.engine.station.evses[1].auth.token
        assert token is not None
        assert token.value == TAG

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})
