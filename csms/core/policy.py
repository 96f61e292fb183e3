"""The settings of the core, in one place and in plain data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How the central system behaves. Times are in seconds."""

    heartbeat_interval_s: int = 300
    """Given to a station with the answer to its BootNotification."""
    retry_interval_s: int = 10
    """Given instead while a station is held Pending or Rejected."""
    strict_registration: bool = False
    """Refuse with SecurityError what a station sends before its BootNotification was accepted (errata 4.1 to 1.6)."""
    accept_unknown_tokens: bool = True
    """Answer Accepted for a token that nobody configured; otherwise Invalid (1.6) or Unknown (2.0.1)."""
    allow_concurrent_transactions: bool = True
    """Let one token charge at several places at once; otherwise the second one is answered ConcurrentTx."""
    accept_data_transfer: bool = True
    """Answer a DataTransfer of any vendor Accepted; otherwise UnknownVendorId."""
    max_waiting_commands: int = 64
    """Commands waiting for one station; one more is answered BUSY."""
    max_waiting_calls: int = 64
    """Calls of one station waiting for an asynchronous handler; one more is answered InternalError."""
