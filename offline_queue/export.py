"""Dead records as text, for a person or another system to take away."""

import json
from dataclasses import fields

from offline_queue.values import DeadRecord


def as_json(record: DeadRecord) -> str:
    """One line of JSON. The payload is given as ``payload`` if it is UTF-8 text, else as ``payload_hex``."""
    line = {field.name: getattr(record, field.name) for field in fields(record)}
    try:
        line["payload"] = record.payload.decode()
    except UnicodeDecodeError:
        del line["payload"]
        line["payload_hex"] = record.payload.hex()
    return json.dumps(line)
