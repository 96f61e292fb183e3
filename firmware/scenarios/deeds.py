"""How actions of the mock world are spelt in a scenario file; shared by who reads files and who writes them."""

from collections.abc import Mapping
from typing import Final

NOTHING: Final = "null"  # stands for JSON's null, for which TOML has no word

DEEDS: Final[Mapping[str, str]] = {
    "tap": "token",
    "pause": "car/pause",
    "resume": "car/resume",
    "key": "display/key",
}
"""Short words for actions of the mock world; every other action is called by the end of its path."""
