"""From evidence to cause: one example for each cause, and what several drops have in common."""

import errno
from dataclasses import replace
from typing import Any

import pytest

from ocpp_client.causes import WORDS, Cause
from ocpp_client.diagnosis import HISTORY, Circumstances, History, find_cause
from ocpp_client.errors import (
    CallTimeout,
    ConnectionLost,
    DialTimeout,
    NameUnresolved,
    OcppError,
    ProxyRefused,
    Redirected,
    Refused,
    SubprotocolMismatch,
    TlsFailed,
    Unreachable,
    UpgradeInvalid,
    UrlInvalid,
)
from ocpp_client.link_status import Drop, LinkFault, ReconnectAsked
from ocpp_client.tls_chain import ServedCertificate

URL = "wss://csms.example/ocpp/CP1"
AT_EASE = Circumstances()
CLOCK_OFF = Circumstances(clock_trusted=False)
LEAF = ServedCertificate("commonName=csms.example", "commonName=Sub", ("csms.example",), 0.0, 1.0)
SUB = ServedCertificate("commonName=Sub", "commonName=Root", (), 0.0, 1.0)


def lost(code: int = 1006, reason: str = "", **more: Any) -> ConnectionLost:
    return ConnectionLost(code, reason, **more)


def refused(status: int, body: str = "", **headers: str) -> Refused:
    return Refused(url=URL, status=status, headers=headers, body=body)


def tls(reason: str, code: int | None = None) -> TlsFailed:
    return TlsFailed(url=URL, reason=reason, verify_code=code, verify_text="" if code is None else "text")


CASES: list[tuple[OcppError, Circumstances, Cause]] = [
    # 1: heartbeat dead-time, at the CSMS
    (lost(1001, "heartbeat timeout", cause="peer"), AT_EASE, Cause.HEARTBEAT_DEAD_TIME),
    (lost(1000, cause="peer"), Circumstances(heartbeat_s=90), Cause.HEARTBEAT_DEAD_TIME),
    (lost(1000, cause="peer"), Circumstances(heartbeat_s=900), Cause.SERVER_CLOSED),
    # 2: ping and pong
    (lost(cause="no-pong"), AT_EASE, Cause.PING_TIMEOUT),
    (lost(1011, "keepalive ping timeout", cause="peer"), AT_EASE, Cause.PING_TIMEOUT),
    # 3: TLS
    (tls("CERTIFICATE_VERIFY_FAILED", 10), AT_EASE, Cause.CERTIFICATE_EXPIRED),
    (tls("CERTIFICATE_VERIFY_FAILED", 10), CLOCK_OFF, Cause.CLOCK_WRONG),
    (tls("CERTIFICATE_VERIFY_FAILED", 9), AT_EASE, Cause.CERTIFICATE_NOT_YET_VALID),
    (tls("CERTIFICATE_VERIFY_FAILED", 9), CLOCK_OFF, Cause.CLOCK_WRONG),
    (tls("CERTIFICATE_VERIFY_FAILED", 62), AT_EASE, Cause.WRONG_NAME),
    (tls("CERTIFICATE_VERIFY_FAILED", 20), Circumstances(chain=(LEAF,)), Cause.INTERMEDIATE_MISSING),
    (tls("CERTIFICATE_VERIFY_FAILED", 20), Circumstances(chain=(LEAF, SUB)), Cause.ROOT_UNKNOWN),
    (tls("CERTIFICATE_VERIFY_FAILED", 18), AT_EASE, Cause.ROOT_UNKNOWN),
    (tls("CERTIFICATE_VERIFY_FAILED", 24), AT_EASE, Cause.CERTIFICATE_INVALID),
    (tls("WRONG_VERSION_NUMBER"), AT_EASE, Cause.WRONG_PORT),
    (tls("TLSV1_ALERT_PROTOCOL_VERSION"), AT_EASE, Cause.TLS_VERSION),
    (tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), AT_EASE, Cause.CLIENT_CERTIFICATE),
    (tls("UNEXPECTED_EOF_WHILE_READING"), AT_EASE, Cause.TLS_OTHER),
    (refused(400, "<title>400 No required SSL certificate was sent</title>"), AT_EASE, Cause.CLIENT_CERTIFICATE),
    (refused(400, "The plain HTTP request was sent to HTTPS port"), AT_EASE, Cause.WRONG_PORT),
    # 4: the upgrade
    (refused(200), AT_EASE, Cause.UPGRADE_BLOCKED),
    (refused(404), AT_EASE, Cause.UPGRADE_BLOCKED),
    (refused(502), AT_EASE, Cause.UPGRADE_BLOCKED),
    (refused(503), AT_EASE, Cause.UPGRADE_BLOCKED),
    (UpgradeInvalid(url=URL, text="no HTTP"), AT_EASE, Cause.UPGRADE_BLOCKED),
    (Redirected(url=URL, status=301, headers={"location": "wss://other.example"}), AT_EASE, Cause.REDIRECTED),
    # 5: limits
    (refused(429), AT_EASE, Cause.RATE_LIMIT),
    (refused(503, **{"retry-after": "7"}), AT_EASE, Cause.RATE_LIMIT),
    # 6: the carrier
    (lost(cause="no-pong"), Circumstances(cellular=True), Cause.NAT_FORGOT),
    (lost(number=errno.ETIMEDOUT), AT_EASE, Cause.NAT_FORGOT),
    (lost(number=errno.ECONNRESET), AT_EASE, Cause.RESET),
    (lost(cause="no-pong"), Circumstances(address_changed_s=30.0), Cause.ADDRESS_CHANGED),
    (lost(cause="no-pong"), Circumstances(address_changed_s=3000.0), Cause.PING_TIMEOUT),
    (ReconnectAsked("network changed"), Circumstances(address_changed_s=0.0), Cause.ADDRESS_CHANGED),
    # the rest
    (lost(), AT_EASE, Cause.BROKEN),
    (lost(1012, cause="peer"), AT_EASE, Cause.SERVER_RESTART),
    (lost(1009, cause="peer"), AT_EASE, Cause.TOO_LARGE),
    (lost(1002, cause="protocol"), AT_EASE, Cause.PROTOCOL),
    (lost(cause="unanswered"), AT_EASE, Cause.UNANSWERED),
    (refused(401), AT_EASE, Cause.CREDENTIALS),
    (NameUnresolved(url=URL, number=-2, text="no name"), AT_EASE, Cause.DNS),
    (Unreachable(url=URL, number=errno.ECONNREFUSED, text="refused"), AT_EASE, Cause.PORT_CLOSED),
    (Unreachable(url=URL, number=errno.ENETUNREACH, text="no network"), AT_EASE, Cause.NO_ROUTE),
    (Unreachable(url=URL, number=errno.ETIMEDOUT, text="timed out"), AT_EASE, Cause.NO_ANSWER),
    (Unreachable(url=URL, number=errno.ECONNRESET, text="reset"), AT_EASE, Cause.RESET),
    (ProxyRefused(url=URL, status=407), AT_EASE, Cause.PROXY_REFUSED),
    (DialTimeout(url=URL, timeout_s=20), AT_EASE, Cause.NO_ANSWER),
    (SubprotocolMismatch(url=URL, offered=["ocpp1.6"], chosen=None), AT_EASE, Cause.SUBPROTOCOL),
    (UrlInvalid(url=URL, text="no host"), AT_EASE, Cause.CONFIGURATION),
    (CallTimeout("BootNotification", 30.0), AT_EASE, Cause.UNANSWERED),
    (ReconnectAsked("new password"), AT_EASE, Cause.ASKED),
    (LinkFault("a defect"), AT_EASE, Cause.DEFECT),
]


@pytest.mark.parametrize(
    ("error", "around", "cause"), CASES, ids=[f"{c.value}-{i}" for i, (_, _, c) in enumerate(CASES)]
)
def test_evidence_leads_to_its_cause(error: OcppError, around: Circumstances, cause: Cause) -> None:
    """Each row of the table of causes is found from what can be observed at the station."""
    lasted_s = 95.0 if isinstance(error, ConnectionLost) else None
    drop = Drop.of(error, at=0.0, lasted_s=lasted_s, idle_s=lasted_s, quiet_s=lasted_s)
    assert find_cause(drop, around) is cause


def test_every_cause_has_words_and_most_have_an_example() -> None:
    """No technician is left with a code word."""
    assert set(WORDS) == set(Cause)
    only_by_pattern = {Cause.SESSION_LIMIT, Cause.PROXY_IDLE}
    assert {cause for _, _, cause in CASES} == set(Cause) - only_by_pattern


# --- history


def drop(at: float, error: OcppError | None = None, *, lasted_s: float = 60.0, idle_s: float | None = None) -> Drop:
    return Drop.of(
        error or lost(), at=at, lasted_s=lasted_s, idle_s=lasted_s if idle_s is None else idle_s, quiet_s=lasted_s
    )


def test_three_equal_silences_are_a_proxys_idle_time_out() -> None:
    """One such drop is a broken connection; the third has a name, a length and another thing to check."""
    history = History()
    causes = [history.add(drop(100.0 * n, lasted_s=300 + n, idle_s=60.2 + n / 10), AT_EASE).cause for n in range(3)]
    assert causes == [Cause.BROKEN, Cause.BROKEN, Cause.PROXY_IDLE]
    newest = history.diagnoses[-1]
    assert newest.pattern == "3 times after 60 s of silence: a proxy with an idle time-out of about that length"
    assert "ping interval" in newest.check_first
    assert newest.evidence["idle_s"] == 60.4


def test_on_cellular_the_same_is_a_nat() -> None:
    """The carrier's NAT is the likelier one there."""
    history = History()
    around = Circumstances(cellular=True)
    found = [history.add(drop(100.0 * n, lost(number=errno.ECONNRESET), idle_s=45), around) for n in range(3)]
    assert found[-1].cause is Cause.NAT_FORGOT
    assert "45 s of silence: a NAT" in (found[-1].pattern or "")


def test_silences_of_different_length_are_no_pattern() -> None:
    """A person is not sent after a proxy that is not there."""
    history = History()
    for n, idle_s in enumerate([20.0, 61.0, 130.0, 44.0]):
        assert history.add(drop(200.0 * n, lasted_s=200 + 90 * n, idle_s=idle_s), AT_EASE).pattern is None


def test_another_kind_of_drop_between_breaks_the_pattern() -> None:
    """Only the newest drops in a row count."""
    history = History()
    for n, error in enumerate([lost(), lost(), lost(cause="no-pong"), lost()]):
        found = history.add(drop(100.0 * n, error, lasted_s=60 + 40 * n, idle_s=60), AT_EASE)
        assert found.pattern is None


def test_connections_of_equal_length_with_traffic_meet_a_limit() -> None:
    """A gateway that ends every connection after two hours is normal, and said to be."""
    history = History()
    closed = lost(1001, cause="peer", clean=True)
    for n in range(3):
        found = history.add(drop(7300.0 * n, closed, lasted_s=7200 + 20 * n, idle_s=1.0), AT_EASE)
    assert found.cause is Cause.SESSION_LIMIT
    assert found.pattern == "3 connections in a row lasted about 7220 s"


def test_drops_at_the_same_time_of_day_are_recognised() -> None:
    """Around midnight on three days, with others between: a schedule somewhere, on whichever side of midnight."""
    history = History()
    day_s = 86_400.0
    for n, wall_s in enumerate([100.0, 40_000.0, day_s - 60, day_s + 47_000, 2 * day_s + 30]):
        around = Circumstances(wall_s=wall_s + 20_000 * day_s)
        found = history.add(drop(wall_s, lasted_s=10_000.0 * (n + 1), idle_s=n), around)
    assert found.pattern is not None
    assert found.pattern.startswith("on 3 days at about 00:00 UTC")


def test_two_days_are_not_enough() -> None:
    """Twice is chance."""
    history = History()
    for n in range(2):
        around = Circumstances(wall_s=n * 86_400.0 + 5)
        assert history.add(drop(n, lasted_s=10_000.0 * (n + 1), idle_s=n), around).pattern is None


def test_failed_dials_are_no_members_of_a_pattern() -> None:
    """They have no length."""
    history = History()
    for n in range(4):
        found = history.add(Drop.of(refused(502), at=n, lasted_s=None), AT_EASE)
    assert found.pattern is None


def test_the_history_is_bounded() -> None:
    """A station that fails for years keeps the newest only."""
    history = History()
    for n in range(HISTORY + 10):
        history.add(drop(float(n)), AT_EASE)
    assert len(history.diagnoses) == HISTORY
    assert history.diagnoses[0].at == 10.0


def test_a_diagnosis_is_one_line_with_evidence() -> None:
    """Cause, pattern and first check for the technician; the chain as served for whoever asks on."""
    around = Circumstances(chain=(LEAF,), extra={"clock": "synchronised"})
    found = History().add(Drop.of(tls("CERTIFICATE_VERIFY_FAILED", 62), at=0.0, lasted_s=None), around)
    assert found.line() == (
        "the certificate of the CSMS is for another host name; "
        "check first: host name in the URL against the names it carries"
    )
    assert found.is_setting
    assert found.evidence["clock"] == "synchronised"
    assert "csms.example" in str(found.evidence["chain_0"])
    assert "1970-01-01" in replace(LEAF, names=()).summary()
