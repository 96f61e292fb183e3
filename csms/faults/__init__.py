"""Faults on purpose: a central system that behaves as badly as real ones do, reproducibly.

`plan` is what can be asked for, `active` is a plan at work for one station.
"""

from csms.faults.active import ActivePlan, Write
from csms.faults.plan import FaultPlan

__all__ = ["ActivePlan", "FaultPlan", "Write"]
