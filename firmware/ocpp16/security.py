"""The security whitepaper (edition 3) on OCPP 1.6: certificates, and security events in the queue."""

from collections.abc import Mapping
from typing import Any

from firmware.engine.timeline import Timeline
from firmware.ocpp16.words import moment
from firmware.outbox import NOTHING, AnyRequest, Renderer, Settled
from firmware.services.certificates import CertificateHash, Use
from firmware.services.certificates.desk import CertificateDesk, Result
from firmware.services.security_events import LANE, SecurityEvent
from ocpp_client.messages import Response
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    CertificateSignedRequest,
    CertificateSignedResponse,
    DeleteCertificateRequest,
    DeleteCertificateResponse,
    GetInstalledCertificateIdsRequest,
    GetInstalledCertificateIdsResponse,
    InstallCertificateRequest,
    InstallCertificateResponse,
    SecurityEventNotificationRequest,
    SignCertificateRequest,
)
from ocpp_client.v16.security import (
    CertificateHashDataType,
    CertificateUseEnumType,
    DeleteCertificateStatusEnumType,
    HashAlgorithmEnumType,
    InstallCertificateStatusEnumType,
)
from offline_queue import Record

USES: dict[CertificateUseEnumType, Use] = {
    "CentralSystemRootCertificate": Use.CSMS_ROOT,
    "ManufacturerRootCertificate": Use.MANUFACTURER_ROOT,
}
_INSTALL: dict[Result, InstallCertificateStatusEnumType] = {
    Result.ACCEPTED: "Accepted",
    Result.REJECTED: "Rejected",
    Result.FAILED: "Failed",
}
_DELETE: dict[Result, DeleteCertificateStatusEnumType] = {
    Result.ACCEPTED: "Accepted",
    Result.NOT_FOUND: "NotFound",
    Result.FAILED: "Failed",
}
_ALGORITHMS: dict[str, HashAlgorithmEnumType] = {"SHA256": "SHA256", "SHA384": "SHA384", "SHA512": "SHA512"}


class Certificates:
    """Handlers of certificate messages."""

    def __init__(self, desk: CertificateDesk) -> None:
        self._desk = desk

    async def install(self, request: InstallCertificateRequest) -> Reply:
        """InstallCertificate (M05)."""
        result = await self._desk.install(USES[request.certificate_type], request.certificate)
        return Reply(InstallCertificateResponse(status=_INSTALL[result]))

    async def delete(self, request: DeleteCertificateRequest) -> Reply:
        """DeleteCertificate (M04)."""
        named = request.certificate_hash_data
        name = CertificateHash(named.hash_algorithm, named.issuer_name_hash, named.issuer_key_hash, named.serial_number)
        return Reply(DeleteCertificateResponse(status=_DELETE[await self._desk.delete(name)]))

    async def installed(self, request: GetInstalledCertificateIdsRequest) -> Reply:
        """GetInstalledCertificateIds (M03)."""
        found = await self._desk.installed(USES[request.certificate_type])
        if not found:
            return Reply(GetInstalledCertificateIdsResponse(status="NotFound"))
        told = tuple(
            CertificateHashDataType(
                hash_algorithm=_ALGORITHMS[each.algorithm],
                issuer_name_hash=each.issuer_name,
                issuer_key_hash=each.issuer_key,
                serial_number=each.serial_number,
            )
            for each in found
        )
        return Reply(GetInstalledCertificateIdsResponse(status="Accepted", certificate_hash_data=told))

    async def signed(self, request: CertificateSignedRequest) -> Reply:
        """CertificateSigned (A02)."""
        result = await self._desk.accept(request.certificate_chain)
        accepted = result is Result.ACCEPTED
        return Reply(CertificateSignedResponse(status="Accepted" if accepted else "Rejected"))

    @staticmethod
    def message(csr: str) -> SignCertificateRequest:
        """A signing request, to be sent."""
        return SignCertificateRequest(csr=csr)


class WithSecurityEvents:
    """A Renderer for two lanes: security events are told before transactions, because they are few and urgent."""

    def __init__(self, transactions: Renderer, timeline: Timeline) -> None:
        self._transactions = transactions
        self._timeline = timeline
        self.lanes: tuple[str, ...] = (LANE, *transactions.lanes)

    def render(self, record: Record) -> AnyRequest | None:
        """A SecurityEventNotification, or what transactions make of the record."""
        if record.lane != LANE:
            return self._transactions.render(record)
        event = SecurityEvent.decode(record.payload)
        at_s = self._timeline.date(event.at).wall_s
        return SecurityEventNotificationRequest(type=event.kind, timestamp=moment(at_s), tech_info=event.text or None)

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        """An event is done with."""
        return NOTHING if record.lane == LANE else self._transactions.delivered(record, answer)

    def given_up(self, record: Record) -> Settled:
        """An event stays in the security log."""
        return NOTHING if record.lane == LANE else self._transactions.given_up(record)

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        """An event is small already."""
        return None if record.lane == LANE else self._transactions.smaller(record, request)
