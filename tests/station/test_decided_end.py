"""An end that was decided is kept: a power cut before the end register is read does not undo it."""



from firmware.core.transaction import Phase
from tests.station.play import Play


async def _cut_after_the_tap(stage: Play) -> float:
    """Charge, tap, and lose power as soon as the decision is on disk; returns when that was."""
    await stage.charge(600)
    evse = stage.app.engine.station.evses[1]
    stage.tap()
    await stage.until_at_once(lambda: evse.tx is not None and evse.tx.ending is not None)
    decided_s = stage.sim.wall_s()
    await stage.app.engine.journal.written()
    assert evse.tx is not None
    assert evse.tx.phase is Phase.ENDING
    await stage.kill_station()
    return decided_s
