"""When a transaction is over under unusual points (OCPP 2.0.1 edition 3, part 2, use cases E03, E06, E09)."""

import asyncio
from pathlib import Path

import pytest

from tests.ocpp201.play import Play, Scripted201, play
from tests.ocpp201.test_provisioning import put
from tests.ocpp201.test_transactions import FIELDS, START, STOP


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_token_that_no_vehicle_follows_ends_its_transaction_also_with_stop_point_evconnected(
    tmp_path: Path, cancelled: bool
) -> None:
    """Nothing of the transaction is left when its authorisation lapses or is taken back, and the EVSE serves the next (E03.FR.05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (START, "Authorized"), (STOP, "EVConnected"))
        stage.tap()
        await csms.heard("TransactionEvent")
        if cancelled:
            stage.tap()
        await asyncio.sleep(70)
        ended = ("StopAuthorized", "Local") if cancelled else ("EVConnectTimeout", "Timeout")
        assert csms.told(*FIELDS) == [
            ("Started", "Authorized", "Idle", None),
            ("Ended", ended[0], "Idle", ended[1]),
        ]
        await stage.charge(10)

    play(tmp_path, scenario)


@pytest.mark.parametrize("point", ["Authorized", "EnergyTransfer"])
def test_a_vehicle_that_leaves_before_anybody_was_authorised_ends_its_transaction(tmp_path: Path, point: str) -> None:
    """With neither vehicle nor driver there is nothing that could still end it, whatever TxStopPoint says (E06)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (START, "EVConnected"), (STOP, point))
        stage.plug()
        await csms.heard("TransactionEvent")
        await stage.unplug()
        await asyncio.sleep(5)
        assert csms.told(*FIELDS) == [
            ("Started", "CablePluggedIn", "EVConnected", None),
            ("Ended", "EVCommunicationLost", "Idle", "EVDisconnected"),
        ]

    play(tmp_path, scenario)
