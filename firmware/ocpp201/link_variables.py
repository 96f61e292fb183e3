"""Variables of the link (OCPP 2.0.1 edition 3, part 4): what is told of it, and its password."""

from collections.abc import Callable, Iterator
from typing import Protocol

from firmware.core.settings import WAYS, AnySetting, Settings
from firmware.core.values import ACCEPTED, Outcome, rejected
from firmware.ocpp201.device_model import Component, Variable
from firmware.ocpp201.setting_rows import Limits

PASSWORD = Limits(minimum=16, maximum=40)
COMM = Component("OCPPCommCtrlr")
SECURITY = Component("SecurityCtrlr")


class LinkView(Protocol):
    """What is told of the link, and what may be changed about it."""

    @property
    def identity(self) -> str:
        """The station's name towards the central system."""

    @property
    def security_profile(self) -> int:
        """0 to 3. Profile 0 does not exist in 2.0.1 and is told as it is."""

    @property
    def slots(self) -> int:
        """Ways to the central system that are configured."""

    @property
    def active_slot(self) -> int:
        """The way in use, from 1."""

    def fits(self, slot: int) -> bool:
        """Whether a way can be used with the security profile that is in force."""

    def ask_password(self, password: bytes) -> None:
        """Dial with a new password from the next connection on, and begin that one."""


def link_variables(
    link: LinkView, settings: Settings, set_setting: Callable[[AnySetting, str], Outcome]
) -> Iterator[Variable]:
    """The variables of the link: the configuration file of the station has its ways, the central system may order them (B10)."""

    slots = tuple(str(number) for number in range(1, link.slots + 1))

    def set_order(value: str) -> Outcome:
        if not value:
            return rejected("InvalidValue", "name at least one slot")
        unfit = [slot for slot in value.split(",") if not link.fits(int(slot))]
        if unfit:
            return rejected("InvalidNetworkConf", f"slot {unfit[0]} does not fit the security profile")
        return set_setting(WAYS, value)

    yield Variable(COMM, "ActiveNetworkProfile", "integer", lambda: str(link.active_slot))
    transfers = Limits(values=("HTTP", "HTTPS", "FTP", "FTPS"))
    yield Variable(COMM, "FileTransferProtocols", "MemberList", lambda: "", limits=transfers, constant=True)
    yield Variable(
        COMM,
        "NetworkConfigurationPriority",
        "SequenceList",
        lambda: settings.text(WAYS) or ",".join(slots),
        set_order,
        limits=Limits(values=slots),
        setting=WAYS,
    )

    def password(value: str) -> Outcome:
        link.ask_password(value.encode())
        return ACCEPTED

    yield Variable(SECURITY, "BasicAuthPassword", "string", None, password, limits=PASSWORD)
    yield Variable(SECURITY, "Identity", "string", lambda: link.identity, limits=Limits(maximum=48))
    yield Variable(SECURITY, "SecurityProfile", "integer", lambda: str(link.security_profile), limits=Limits(0, 3))
