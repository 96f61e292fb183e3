"""Writes docs/ocpp16.md and docs/ocpp201.md: `python -m tests.requirements`."""

import sys

from tests.requirements.pages import pages
from tests.requirements.station import ROOT

for path, text in pages().items():
    (ROOT / path).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{path}\n")
