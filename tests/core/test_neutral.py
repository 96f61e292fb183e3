"""The core is charging without a protocol."""

from pathlib import Path

import firmware.core

ROOM = Path(firmware.core.__file__).parent


def test_no_file_of_the_core_names_a_protocol() -> None:
    """What a protocol calls things is said elsewhere."""
    named = [path.name for path in sorted(ROOM.glob("*.py")) if "ocpp" in path.read_text(encoding="utf-8").casefold()]
    assert named == []
