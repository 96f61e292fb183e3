"""Which endpoint is dialled, and as whom; what falls back and what never does."""

import pytest

from firmware.uplink.access import TRIAL_ATTEMPTS, Access, AccessBook, Means
from firmware.uplink.rota import Endpoint, Rota, fitting

FIRST, SECOND = Endpoint("wss://one.example"), Endpoint("wss://two.example", priority=1)
EVERYTHING = Means(roots=True, client_certificate=True)
NOTHING = Means(roots=False, client_certificate=False)
KEY = b"0123456789abcdef"


# --- endpoints


def test_endpoints_are_tried_by_priority_a_few_times_each() -> None:
    """Two attempts at each, the lower priority number first, whatever the order of the file; and round again."""
    rota = Rota([SECOND, FIRST], attempts=2)
    tried = []
    for _ in range(6):
        tried.append(rota.current.url)
        rota.failed()
    one, two = FIRST.url, SECOND.url
    assert tried == [one, one, two, two, one, one]


def test_when_all_failed_the_one_that_worked_last_comes_first() -> None:
    """B10.FR.08: back to the last profile that worked, also after a restart of the program."""
    third = Endpoint("wss://three.example", priority=2)
    rota = Rota([FIRST, SECOND, third], attempts=1, worked=SECOND.url)
    tried = []
    for _ in range(5):
        tried.append(rota.current)
        rota.failed()
    assert tried == [FIRST, SECOND, third, SECOND, third]


def test_a_proven_endpoint_stays() -> None:
    """Its first failure does not move the station to another server."""
    rota = Rota([FIRST, SECOND], attempts=2)
    rota.failed()
    rota.failed()
    assert rota.proven()
    assert not rota.proven()
    rota.failed()
    assert (rota.current, rota.worked) == (SECOND, SECOND.url)


def test_one_endpoint_is_tried_for_ever() -> None:
    """There is nothing to move to."""
    rota = Rota([FIRST], attempts=1)
    for _ in range(10):
        rota.failed()
    assert rota.current is FIRST


def test_a_profile_with_tls_never_dials_without() -> None:
    """Endpoints without TLS are left out; where there is none with it, the scheme is changed."""
    plain = Endpoint("ws://plain.example:8080/ocpp", interface="eth0")
    assert fitting([plain, FIRST], tls=True) == [FIRST]
    assert fitting([plain], tls=True) == [Endpoint("wss://plain.example:8080/ocpp", interface="eth0")]


# --- access


@pytest.mark.parametrize(
    ("means", "access", "profile", "says"),
    [
        (EVERYTHING, Access(2, KEY), 2, "only goes up"),
        (EVERYTHING, Access(2, KEY), 1, "only goes up"),
        (EVERYTHING, Access(0), 4, "there is no security profile 4"),
        (EVERYTHING, Access(0), 1, "needs a password"),
        (NOTHING, Access(1, KEY), 2, "CSMS root"),
        (Means(roots=True, client_certificate=False), Access(2, KEY), 3, "certificate of the station"),
    ],
)
def test_a_profile_that_cannot_be_used_is_refused(means: Means, access: Access, profile: int, says: str) -> None:
    """Nothing changes, and the reason is told."""
    book = AccessBook(access, means)
    refusal = book.ask_profile(profile)
    assert refusal is not None
    assert says in refusal
    assert book.current == access


def test_a_new_profile_falls_back_until_it_is_proven() -> None:
    """After so many failures the old profile is back, with the old password."""
    book = AccessBook(Access(1, KEY), EVERYTHING)
    assert book.ask_profile(2) is None
    assert book.current == Access(2, KEY)
    assert [book.failed() for _ in range(TRIAL_ATTEMPTS)] == [False] * (TRIAL_ATTEMPTS - 1) + [True]
    assert book.current == Access(1, KEY)


def test_a_proven_profile_never_falls_back() -> None:
    """However often it fails later, and over a restart."""
    book = AccessBook(Access(1, KEY), EVERYTHING)
    book.ask_profile(2)
    assert book.proven()
    for _ in range(10):
        assert not book.failed()
    again = AccessBook.restore(Access(1, KEY), EVERYTHING, book.document())
    assert again.current == Access(2, KEY)
    assert again.ask_profile(1) is not None


def test_a_trial_goes_on_after_a_restart() -> None:
    """A crash in the middle neither forgets the trial nor makes it longer."""
    book = AccessBook(Access(1, KEY), EVERYTHING)
    book.ask_password(b"another password")
    book.failed()
    again = AccessBook.restore(Access(1, KEY), EVERYTHING, book.document())
    assert again.current.password == b"another password"
    assert [again.failed() for _ in range(TRIAL_ATTEMPTS - 1)][-1] is True
    assert again.current.password == KEY


def test_a_change_of_the_configuration_discards_what_was_stored() -> None:
    """Lowering the profile is done at the station, by its owner."""
    book = AccessBook(Access(1, KEY), EVERYTHING)
    book.ask_profile(2)
    book.proven()
    assert AccessBook.restore(Access(0), EVERYTHING, book.document()).current == Access(0)


@pytest.mark.parametrize("document", [b"", b"[]", b"\xff"])
def test_an_unreadable_document_is_refused(document: bytes) -> None:
    """And its text is not in the error: it may hold a password."""
    with pytest.raises(ValueError, match="not a document of security profile"):
        AccessBook.restore(Access(0), EVERYTHING, document)


def test_a_password_is_not_shown() -> None:
    """Neither by repr nor in a log line made of it."""
    assert "0123" not in repr(Access(1, KEY))
