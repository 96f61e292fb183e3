"""Down- and uploads of files over HTTP, HTTPS, FTP and FTPS: resumed where the other side can, tried again, bounded, and cancelled at
any moment. Knows no charging protocol: what asked for a file hears of progress and gets a `TransferError` with a reason.
"""

from firmware.services.transfer.errors import Reason, TransferError
from firmware.services.transfer.files import Limits
from firmware.services.transfer.location import Location
from firmware.services.transfer.transfers import SCHEMES, Retries, Transfers

__all__ = ["SCHEMES", "Limits", "Location", "Reason", "Retries", "TransferError", "Transfers"]
