"""First values of settings for a station behind a carrier's NAT. The configuration and the central system both win over them."""

from collections.abc import Mapping
from typing import Final

from boards import Board
from firmware.config import CsmsTable
from firmware.core.settings import HEARTBEAT_INTERVAL_S, PING_INTERVAL_S

CELLULAR: Final[Mapping[str, str]] = {
    PING_INTERVAL_S.id: "25",  # carriers forget a mapping after 30 to 120 s of silence
    HEARTBEAT_INTERVAL_S.id: "60",
}


def is_cellular(csms: CsmsTable, board: Board) -> bool:
    """Whether the way leads over a cellular network: as configured, else whether the board has a real modem."""
    return csms.cellular if csms.cellular is not None else board.modem is not None and board.world is None


def preset_settings(cellular: bool) -> dict[str, str]:
    """Settings by id."""
    return dict(CELLULAR) if cellular else {}
