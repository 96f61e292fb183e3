"""New firmware: fetched, verified, installed when nobody charges, and good only when it has proved itself."""

from firmware.services.updates.order import Answer, Stage, Status, UpdateOrder
from firmware.services.updates.updates import FirmwareUpdates, Policy, Signatures

__all__ = ["Answer", "FirmwareUpdates", "Policy", "Signatures", "Stage", "Status", "UpdateOrder"]
