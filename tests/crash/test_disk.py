"""The disk model: what a power cut may take, and what it may not."""

from pathlib import PurePosixPath
from random import Random

import pytest

from tests.crash.disk import Cut, Disk
from tests.crash.record import Entry, Log

ROOT = 1
SUB = 2
FILE = 10
OTHER = 11


def path(text: str) -> PurePosixPath:
    """A path below the root."""
    return PurePosixPath(text)


def disk(*entries: Entry) -> Disk:
    """An empty disk after these entries."""
    made = Disk(Log(ROOT, {}, {}, entries))
    for entry in entries:
        made.follow(entry)
    return made


def outcomes(made: Disk) -> set[tuple[tuple[str, bytes], ...]]:
    """All that is seen in many cuts at one moment."""
    found = [made.cut(0, None), *(made.cut(0, Random(seed)) for seed in range(300))]
    return {content(cut) for cut in found}


def content(cut: Cut) -> tuple[tuple[str, bytes], ...]:
    """The files of a cut."""
    return tuple(sorted((str(name), data) for name, data in cut.files.items()))


CREATED = (Entry("create", FILE, path=path("f")), Entry("sync", ROOT))


def test_synced_write_is_certain() -> None:
    """No cut takes it."""
    made = disk(*CREATED, Entry("write", FILE, 0, b"abc"), Entry("sync", FILE))
    assert outcomes(made) == {(("f", b"abc"),)}


def test_write_that_was_not_synced_may_be_missing() -> None:
    """And may have arrived: both happen."""
    made = disk(*CREATED, Entry("write", FILE, 0, b"abc"))
    assert outcomes(made) == {(("f", b""),), (("f", b"abc"),)}


def test_writes_arrive_in_any_order() -> None:
    """A later one may be there without an earlier one, with zeros in the place of that."""
    made = disk(*CREATED, Entry("write", FILE, 0, b"a"), Entry("write", FILE, 1, b"b"))
    assert (("f", b"\0b"),) in outcomes(made)


@pytest.mark.parametrize(("offset", "pieces"), [(0, {0, 512, 1024}), (100, {0, 412, 924, 1024})])
def test_large_write_may_arrive_in_part(offset: int, pieces: set[int]) -> None:
    """It is torn between sectors of the disk and nowhere else."""
    made = disk(*CREATED, Entry("write", FILE, offset, b"x" * 1024))
    sizes = {data.count(b"x") for ((_, data),) in outcomes(made)}
    assert sizes == pieces


def test_truncation_that_was_not_synced_may_be_missing() -> None:
    """The old length may come back."""
    made = disk(*CREATED, Entry("write", FILE, 0, b"abc"), Entry("sync", FILE), Entry("truncate", FILE, 1))
    assert outcomes(made) == {(("f", b"abc"),), (("f", b"a"),)}


def test_truncation_may_lengthen() -> None:
    """The new part is zeros."""
    made = disk(*CREATED, Entry("truncate", FILE, 3), Entry("sync", FILE))
    assert outcomes(made) == {(("f", b"\0\0\0"),)}


def test_file_whose_folder_was_not_synced_may_be_gone() -> None:
    """Although its own content was synced."""
    made = disk(Entry("create", FILE, path=path("f")), Entry("write", FILE, 0, b"abc"), Entry("sync", FILE))
    assert outcomes(made) == {(), (("f", b"abc"),)}


def test_removed_file_may_come_back_until_its_folder_is_synced() -> None:
    """With the content it had."""
    removed = (*CREATED, Entry("write", FILE, 0, b"abc"), Entry("sync", FILE), Entry("unlink", path=path("f")))
    assert outcomes(disk(*removed)) == {(), (("f", b"abc"),)}
    assert outcomes(disk(*removed, Entry("sync", ROOT))) == {()}


def test_rename_is_whole() -> None:
    """One of the names is there, never both and never none, also between folders."""
    made = disk(
        *CREATED,
        Entry("mkdir", SUB, path=path("sub")),
        Entry("sync", ROOT),
        Entry("rename", path=path("f"), target=path("sub/g")),
    )
    assert outcomes(made) == {(("f", b""),), (("sub/g", b""),)}
    made.follow(Entry("sync", SUB))
    assert outcomes(made) == {(("sub/g", b""),)}


def test_rename_replaces_the_target() -> None:
    """The name has the old content or the new one."""
    made = disk(
        *CREATED,
        Entry("create", OTHER, path=path("g")),
        Entry("sync", ROOT),
        Entry("write", OTHER, 0, b"new"),
        Entry("sync", OTHER),
        Entry("rename", path=path("g"), target=path("f")),
    )
    assert outcomes(made) == {(("f", b""), ("g", b"new")), (("f", b"new"),)}


def test_new_file_under_an_old_name_is_another_file() -> None:
    """What is written to the new one does not appear in the old one that may come back."""
    made = disk(
        *CREATED,
        Entry("write", FILE, 0, b"old"),
        Entry("sync", FILE),
        Entry("unlink", path=path("f")),
        Entry("create", FILE, path=path("f")),
        Entry("write", FILE, 0, b"new"),
        Entry("sync", FILE),
    )
    assert outcomes(made) == {(), (("f", b"old"),), (("f", b"new"),)}


def test_what_was_there_before_the_record_is_certain() -> None:
    """And keeps its inodes."""
    before = Log(ROOT, {path("sub"): SUB}, {path("sub/f"): (FILE, b"abc")}, ())
    made = Disk(before)
    assert outcomes(made) == {(("sub/f", b"abc"),)}
    made.follow(Entry("write", FILE, 0, b"x"))
    assert outcomes(made) == {(("sub/f", b"abc"),), (("sub/f", b"xbc"),)}


def test_write_to_a_file_outside_counts_for_nothing() -> None:
    """An inode may have been given to another file."""
    assert outcomes(disk(Entry("write", 99, 0, b"x"), Entry("sync", 99), Entry("told", data=b"x"))) == {()}
