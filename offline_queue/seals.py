"""Checksums of what is stored.

SQLite sees damage to the structure of a page, not to what is in its rows. A record whose payload changed on the disk must not be
billed: it is treated as damage to the database, and left behind by the repair.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32


def seal_of_record(
    id_: int, lane: str, stream: str, kind: str, billable: object, thinnable: object, payload: bytes
) -> int:
    """Over all that never changes of a record, alive or dead."""
    # Surrogates are refused by the database, with a better error than could be given here.
    head = f"{id_}\0{lane}\0{stream}\0{kind}\0{bool(billable)}\0{bool(thinnable)}\0".encode(errors="surrogatepass")
    return crc32(payload, crc32(head))


def seal_of_document(namespace: str, key: str, value: bytes) -> int:
    """Over a document and its name."""
    return crc32(value, crc32(f"{namespace}\0{key}\0".encode(errors="surrogatepass")))


def is_intact(row: Mapping[str, Any]) -> bool:
    """Whether a row, by the names of its columns, is what was written; also true for one of a table without seals."""
    if "seal" not in row:
        return True
    if "value" in row:
        return isinstance(row["value"], bytes) and row["seal"] == seal_of_document(
            row["namespace"], row["key"], row["value"]
        )
    return isinstance(row["payload"], bytes) and row["seal"] == seal_of_record(
        row["id"], row["lane"], row["stream"], row["kind"], row["billable"], row["thinnable"], row["payload"]
    )
