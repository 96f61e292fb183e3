"""The tables, and how a database of an earlier version becomes one of this version.

``MIGRATIONS`` is a history: an entry is never changed once a program with it has been released; a new version appends one. Each
runs in one transaction together with its number, so a power cut leaves either the old version or the new one.

The repair of a damaged database relies on two things: each table has an integer primary key ``id``, and what is sealed has the
columns named in ``seals``.
"""

from offline_queue.errors import NewerDatabase, NotAQueue
from offline_queue.store import Store

APPLICATION_ID = 0x57515545  # "WQUE": marks the file as a queue
ID_BLOCK = 1024  # ids set aside at a time, so that their counter is not written with each record

Migration = tuple[str, ...]

_FIRST: Migration = (
    # The payload is last: SQLite reads the columns before it without following a long one.
    """
    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        lane TEXT NOT NULL,
        stream TEXT NOT NULL,
        kind TEXT NOT NULL,
        billable INTEGER NOT NULL,
        thinnable INTEGER NOT NULL,
        size INTEGER NOT NULL,
        seal INTEGER NOT NULL,
        created_at_s REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before_s REAL,
        message_id TEXT,
        payload BLOB NOT NULL
    ) STRICT
    """,
    # With the size in it, this index alone answers depth and bytes when the queue is opened.
    "CREATE INDEX records_by_lane ON records (lane, id, size)",
    "CREATE INDEX records_by_stream ON records (stream, id, thinnable)",
    # Partial indexes cost nothing for the records that stay, which are nearly all.
    "CREATE INDEX expendable_by_id ON records (id) WHERE billable = 0",
    "CREATE INDEX expendable_by_age ON records (created_at_s) WHERE billable = 0",
    """
    CREATE TABLE dead (
        id INTEGER PRIMARY KEY,
        lane TEXT NOT NULL,
        stream TEXT NOT NULL,
        kind TEXT NOT NULL,
        billable INTEGER NOT NULL,
        thinnable INTEGER NOT NULL,
        size INTEGER NOT NULL,
        seal INTEGER NOT NULL,
        created_at_s REAL,
        attempts INTEGER NOT NULL,
        message_id TEXT,
        reason TEXT NOT NULL,
        payload BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        key TEXT NOT NULL,
        seal INTEGER NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (namespace, key)
    ) STRICT
    """,
    # Ids below it may have been used.
    "CREATE TABLE id_limit (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "INSERT INTO id_limit VALUES (1, 1)",
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST,)


def identify(store: Store, newest: int) -> int:
    """The version of the database; 0 if it is new and empty. Writes nothing.

    Raises:
        NotAQueue: the file belongs to another program.
        NewerDatabase: its version is above ``newest``.
    """
    version = store.number("PRAGMA user_version")
    owner = store.number("PRAGMA application_id")
    if owner != APPLICATION_ID and (owner or version or store.number("SELECT count(*) FROM sqlite_schema")):
        raise NotAQueue(f"{store.path} is a database of another program; move it away or choose another path")
    if version > newest:
        raise NewerDatabase(
            f"{store.path} has version {version}, this program knows versions up to {newest}; "
            "install the newer program again, or move the file away"
        )
    return version


def migrate(store: Store, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring the database to the newest version. Raises: NotAQueue, NewerDatabase, DiskFull, ReadOnly, StoreFailed."""
    done = identify(store, len(migrations))
    for version, statements in enumerate(migrations[done:], done + 1):
        store.begin()
        try:
            for statement in statements:
                store.run(statement)
            store.run(f"PRAGMA application_id = {APPLICATION_ID}")
            store.run(f"PRAGMA user_version = {version}")
            store.commit()
        finally:
            store.rollback()
