"""Every variable of the device model: there, readable, and writable with what fits (OCPP 2.0.1 edition 3, appendices)."""

from pathlib import Path

from tests.ocpp201.play import Play, Scripted201, play
from tests.ocpp201.test_provisioning import get, named, put, report

REGISTER = "Energy.Active.Import.Register"

# component, variable, a value that fits, one that does not
WRITABLE: tuple[tuple[str, str, str, str], ...] = (
    ("OCPPCommCtrlr", "HeartbeatInterval", "17", "0"),
    ("OCPPCommCtrlr", "MessageAttempts", "5", "many"),
    ("OCPPCommCtrlr", "MessageAttemptInterval", "10", "-1"),
    ("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "2", "0"),
    ("OCPPCommCtrlr", "OfflineThreshold", "30", "-1"),
    ("OCPPCommCtrlr", "ResetRetries", "2", "-1"),
    ("OCPPCommCtrlr", "RetryBackOffWaitMinimum", "5", "-1"),
    ("OCPPCommCtrlr", "RetryBackOffRepeatTimes", "3", "x"),
    ("OCPPCommCtrlr", "RetryBackOffRandomRange", "0", "-1"),
    ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "false", "no"),
    ("OCPPCommCtrlr", "WebSocketPingInterval", "30", "-1"),
    ("SecurityCtrlr", "OrganizationName", "Example", "x" * 65),
    ("ClockCtrlr", "TimeSource", "NTP", "Heartbeat"),
    ("AuthCtrlr", "Enabled", "false", "0"),
    ("AuthCtrlr", "AuthorizeRemoteStart", "false", "0"),
    ("AuthCtrlr", "LocalAuthorizeOffline", "false", "FALSE"),
    ("AuthCtrlr", "LocalPreAuthorize", "true", ""),
    ("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true", "1"),
    ("AuthCtrlr", "DisableRemoteAuthorization", "true", "1"),
    ("AuthCtrlr", "MasterPassGroupId", "MASTERS", "x" * 37),
    ("AuthCacheCtrlr", "Enabled", "false", "off"),
    ("AuthCacheCtrlr", "LifeTime", "3600", "-1"),
    ("AuthCacheCtrlr", "DisablePostAuthorize", "true", "on"),
    ("LocalAuthListCtrlr", "Enabled", "false", "off"),
    ("LocalAuthListCtrlr", "DisablePostAuthorize", "true", "on"),
    ("TxCtrlr", "EVConnectionTimeOut", "90", "soon"),
    ("TxCtrlr", "StopTxOnEVSideDisconnect", "false", "2"),
    ("TxCtrlr", "StopTxOnInvalidId", "false", "2"),
    ("TxCtrlr", "MaxEnergyOnInvalidId", "500", "-5"),
    ("TxCtrlr", "TxBeforeAcceptedEnabled", "true", "yes"),
    ("TxCtrlr", "TxStartPoint", "Authorized,EVConnected", ""),
    ("TxCtrlr", "TxStopPoint", "PowerPathClosed", ""),
    ("SampledDataCtrlr", "TxStartedMeasurands", f"{REGISTER},Voltage", "RPM"),
    ("SampledDataCtrlr", "TxUpdatedMeasurands", "SoC,Current.Import", f"{REGISTER},{REGISTER}"),
    ("SampledDataCtrlr", "TxEndedMeasurands", REGISTER, "Energy"),
    ("SampledDataCtrlr", "TxUpdatedInterval", "30", "1.5"),
    ("SampledDataCtrlr", "TxEndedInterval", "300", "-2"),
    ("AlignedDataCtrlr", "Measurands", "Voltage", "Volts"),
    ("AlignedDataCtrlr", "TxEndedMeasurands", REGISTER, "x"),
    ("AlignedDataCtrlr", "Interval", "900", "-1"),
)
READ_ONLY: tuple[tuple[str, str], ...] = (
    ("OCPPCommCtrlr", "ActiveNetworkProfile"),
    ("OCPPCommCtrlr", "FileTransferProtocols"),
    ("OCPPCommCtrlr", "MessageTimeout"),
    ("SecurityCtrlr", "Identity"),
    ("SecurityCtrlr", "SecurityProfile"),
    ("DeviceDataCtrlr", "ItemsPerMessage"),
    ("DeviceDataCtrlr", "BytesPerMessage"),
    ("ClockCtrlr", "DateTime"),
    ("AuthCacheCtrlr", "Available"),
    ("LocalAuthListCtrlr", "Available"),
    ("LocalAuthListCtrlr", "Entries"),
    ("LocalAuthListCtrlr", "ItemsPerMessage"),
    ("LocalAuthListCtrlr", "BytesPerMessage"),
    ("LocalAuthListCtrlr", "SupportsExpiryDateTime"),
    ("SampledDataCtrlr", "Available"),
    ("AlignedDataCtrlr", "Available"),
    ("AlignedDataCtrlr", "TxEndedInterval"),
    ("ChargingStation", "Available"),
    ("ChargingStation", "AvailabilityState"),
    ("ChargingStation", "SupplyPhases"),
    ("ChargingStation", "Model"),
    ("ChargingStation", "VendorName"),
    ("EVSE", "Available"),
    ("EVSE", "AvailabilityState"),
    ("EVSE", "SupplyPhases"),
    ("EVSE", "Power"),
    ("EVSE", "AllowReset"),
    ("Connector", "Available"),
    ("Connector", "AvailabilityState"),
    ("Connector", "SupplyPhases"),
    ("Connector", "ConnectorType"),
)
WRITE_ONLY = (("SecurityCtrlr", "BasicAuthPassword"),)
INSTANCES = {"MessageAttempts": "TransactionEvent", "MessageAttemptInterval": "TransactionEvent"}


def test_every_writable_variable_takes_what_fits_and_nothing_else(tmp_path: Path) -> None:
    """A value that fits is accepted and read back, one that does not is rejected and changes nothing (B05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        for component, variable, good, bad in WRITABLE:
            name = named(component, variable, INSTANCES.get(variable))
            assert await put(csms, (name, good), (name, bad)) == ["Accepted", "Rejected"], (component, variable)
            ((status, value),) = await get(csms, name)
            assert (status, sorted((value or "").split(","))) == ("Accepted", sorted(good.split(","))), (
                component,
                variable,
            )

    play(tmp_path, scenario)


def test_the_model_has_these_variables_and_no_others(tmp_path: Path) -> None:
    """What a full report tells, with its mutability; everything that is required of the blocks that are there is among it."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        data = await report(csms, "GetBaseReport", reportBase="FullInventory")
        found = {
            (item["component"]["name"], item["variable"]["name"]): item["variableAttribute"][0]["mutability"]
            for item in data
        }
        expected = dict.fromkeys(READ_ONLY, "ReadOnly") | dict.fromkeys(WRITE_ONLY, "WriteOnly")
        expected |= {(component, variable): "ReadWrite" for component, variable, _, _ in WRITABLE}
        expected["OCPPCommCtrlr", "NetworkConfigurationPriority"] = "ReadWrite"  # takes effect at the next start
        assert found == expected

    play(tmp_path, scenario)


def test_a_station_without_lists_says_nothing_of_them(tmp_path: Path) -> None:
    """What is switched off is neither in the model nor answered."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert await csms.ask("GetLocalListVersion", {}) == {"error": "NotSupported"}
        assert await get(csms, named("LocalAuthListCtrlr", "Enabled")) == [("UnknownComponent", None)]

    play(tmp_path, scenario, settings={"station.profiles": "RemoteTrigger"})


def test_a_security_event_is_told_with_the_words_of_this_version(tmp_path: Path) -> None:
    """That the station has started is told once it is accepted; words that differ from 1.6 are its own (A04)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        started = (await csms.heard("SecurityEventNotification")).payload
        assert started["type"] == "StartupOfTheDevice"
        stage.app.services.events.post("InvalidCentralSystemCertificate", "expired")
        told = (await csms.heard("SecurityEventNotification", 2)).payload
        assert (told["type"], told["techInfo"]) == ("InvalidCsmsCertificate", "expired")

    play(tmp_path, scenario, settings={"station.profiles": "Security"})
