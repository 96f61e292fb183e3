"""The causes of a lost or failed connection, in the words a technician is told, and what to check first."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a station is not connected. The value is for statistics and scripts; it does not change with the wording."""

    # the server or the way to it ended the connection
    HEARTBEAT_DEAD_TIME = "heartbeat-dead-time"
    PING_TIMEOUT = "ping-timeout"
    SERVER_RESTART = "server-restart"
    SERVER_CLOSED = "server-closed"
    SESSION_LIMIT = "session-limit"
    PROXY_IDLE = "proxy-idle-timeout"
    NAT_FORGOT = "nat-forgot"
    RESET = "reset-on-the-way"
    ADDRESS_CHANGED = "address-changed"
    BROKEN = "broken"
    TOO_LARGE = "message-too-large"
    PROTOCOL = "protocol-broken"
    UNANSWERED = "unanswered"
    # no connection came about
    DNS = "dns"
    NO_ROUTE = "no-route"
    PORT_CLOSED = "port-closed"
    NO_ANSWER = "no-answer"
    PROXY_REFUSED = "proxy-refused"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    WRONG_NAME = "certificate-wrong-name"
    INTERMEDIATE_MISSING = "certificate-intermediate-missing"
    ROOT_UNKNOWN = "certificate-root-unknown"
    CERTIFICATE_INVALID = "certificate-invalid"
    CLOCK_WRONG = "own-clock-wrong"
    WRONG_PORT = "wrong-port"
    TLS_VERSION = "tls-version"
    CLIENT_CERTIFICATE = "client-certificate"
    TLS_OTHER = "tls"
    UPGRADE_BLOCKED = "upgrade-blocked"
    REDIRECTED = "redirected"
    RATE_LIMIT = "rate-limit"
    CREDENTIALS = "credentials"
    SUBPROTOCOL = "subprotocol"
    CONFIGURATION = "configuration"
    # neither
    ASKED = "asked"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True)
class Words:
    """What a cause is called and what is looked at first."""

    says: str
    check_first: str
    is_setting: bool = False
    """Waiting does not mend it: somebody has to change a setting or a certificate, here or at the server."""


WORDS: Final[Mapping[Cause, Words]] = {
    Cause.HEARTBEAT_DEAD_TIME: Words(
        "the CSMS closed a healthy connection on which no OCPP message had passed for a while",
        "HeartbeatInterval against the dead-time of the CSMS",
    ),
    Cause.PING_TIMEOUT: Words(
        "a WebSocket ping was not answered in time",
        "whether the server hangs; then pong time-out against the round trip",
    ),
    Cause.SERVER_RESTART: Words(
        "the server is restarting or overloaded and said so", "nothing here; the server's operator"
    ),
    Cause.SERVER_CLOSED: Words("the server closed the connection", "the close reason, then the server's log"),
    Cause.SESSION_LIMIT: Words(
        "something ends every connection after the same time",
        "nothing, if a cloud gateway does it; else the proxy's limits",
    ),
    Cause.PROXY_IDLE: Words(
        "a proxy ends connections on which nothing passed for a while",
        "ping interval below the idle time-out of the proxy",
    ),
    Cause.NAT_FORGOT: Words(
        "packets vanish without a word: a NAT or firewall has forgotten the connection",
        "ping interval below the time-out of the carrier's NAT (30-120 s); then signal",
    ),
    Cause.RESET: Words(
        "the connection was reset: a NAT or firewall had forgotten it, or the server's program died",
        "ping interval below the time-out of the NAT; then the server's log",
    ),
    Cause.ADDRESS_CHANGED: Words("the station's address or route changed", "modem or DHCP log; nothing, if it is rare"),
    Cause.BROKEN: Words(
        "the connection ended without a close frame",
        "proxies on the way; more drops will show whether there is a pattern",
    ),
    Cause.TOO_LARGE: Words("a message was larger than the other side takes", "message size limits at both ends", True),
    Cause.PROTOCOL: Words("the WebSocket or OCPP protocol was broken", "what the other end is, and its version"),
    Cause.UNANSWERED: Words("the CSMS did not answer OCPP calls in time", "the load of the CSMS"),
    Cause.DNS: Words(
        "the host name of the CSMS has no address", "the name in the URL; then DNS servers and the uplink"
    ),
    Cause.NO_ROUTE: Words("there is no way to the network of the CSMS", "cable, modem registration and default route"),
    Cause.PORT_CLOSED: Words(
        "the host answers, but nothing listens on the port", "the port in the URL; then the server"
    ),
    Cause.NO_ANSWER: Words("no answer within the time allowed", "the uplink and firewalls; then the server's load"),
    Cause.PROXY_REFUSED: Words(
        "the HTTP proxy does not let the station through", "the proxy's address and rules", True
    ),
    Cause.CERTIFICATE_EXPIRED: Words("the certificate of the CSMS has expired", "renewal at the server", True),
    Cause.CERTIFICATE_NOT_YET_VALID: Words(
        "the certificate of the CSMS is not valid yet", "issue date at the server", True
    ),
    Cause.WRONG_NAME: Words(
        "the certificate of the CSMS is for another host name",
        "host name in the URL against the names it carries",
        True,
    ),
    Cause.INTERMEDIATE_MISSING: Words(
        "the server sends its own certificate without the intermediate that issued it",
        "the server's certificate file: it must hold the whole chain",
        True,
    ),
    Cause.ROOT_UNKNOWN: Words(
        "the chain of the CSMS ends in a root that this station does not know", "the installed CSMS root", True
    ),
    Cause.CERTIFICATE_INVALID: Words(
        "the certificate of the CSMS was refused", "the chain that came, in the evidence", True
    ),
    Cause.CLOCK_WRONG: Words(
        "a certificate seems out of date, but this station's clock is not synchronised",
        "this station's clock and time servers, before the certificate",
    ),
    Cause.WRONG_PORT: Words(
        "plain text meets TLS: the URL's scheme does not fit the port", "ws or wss, and the port", True
    ),
    Cause.TLS_VERSION: Words(
        "the server speaks no TLS version or suite that is allowed", "the server's TLS settings: 1.2 or newer", True
    ),
    Cause.CLIENT_CERTIFICATE: Words(
        "the server wants a certificate of this station, or refused the one it got",
        "security profile 3 and the station's certificate",
        True,
    ),
    Cause.TLS_OTHER: Words("the TLS handshake failed", "certificates and port; then a proxy that opens TLS on the way"),
    Cause.UPGRADE_BLOCKED: Words(
        "something answered the upgrade with another status than 101",
        "path and identity in the URL; then the proxy in front",
    ),
    Cause.REDIRECTED: Words("the server redirects to another address", "the URL: put the new address in", True),
    Cause.RATE_LIMIT: Words("the server limits connections", "nothing here; the limits and load of the server"),
    Cause.CREDENTIALS: Words("the server refused this station's name or password", "the password at both ends", True),
    Cause.SUBPROTOCOL: Words("no OCPP version was agreed", "the versions enabled at both ends", True),
    Cause.CONFIGURATION: Words("the settings cannot be used to dial", "the [csms] section of the configuration", True),
    Cause.ASKED: Words("this station wanted a new connection", "nothing"),
    Cause.DEFECT: Words("a defect of this program", "its log: report the traceback"),
}
