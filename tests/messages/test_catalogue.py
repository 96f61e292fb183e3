"""The catalogue: every action of a version by name, loaded only when it is used."""

import subprocess
import sys

import pytest

from ocpp_client import v16, v21, v201
from ocpp_client.catalogue import UnknownAction, catalogue
from ocpp_client.errors import OcppError
from ocpp_client.messages import Message, Request, Response

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
COUNTS = {"ocpp1.6": 39, "ocpp2.0.1": 64, "ocpp2.1": 91}


def _modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the names of the modules it loaded."""
    program = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    return set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )


@pytest.mark.parametrize("protocol", VERSIONS)
def test_finds_the_models_of_every_action(protocol: str) -> None:
    """Each action has a request and, unless it is unanswered, a response; both lead back to it."""
    models = catalogue(protocol)
    assert len(models.actions) == COUNTS[protocol]
    for action in models.actions:
        request = models.request(action)
        assert request.__name__ == f"{action}Request"
        assert models.action_of(request) == action
        if action not in models.unanswered:
            assert issubclass(request, Request)
            assert issubclass(models.response(action), Response)
            assert models.action_of(models.response(action)) == action


def test_names_the_action_of_an_instance() -> None:
    """An instance serves as well as its class."""
    assert catalogue("ocpp1.6").action_of(v16.HeartbeatRequest()) == "Heartbeat"


@pytest.mark.parametrize("action", ["heartbeat", "", "HeartbeatRequest", "GetBaseReport", "__init__", "x" * 10_000])
def test_refuses_an_action_the_version_does_not_have(action: str) -> None:
    """Unknown names raise, whatever the peer sends, and the text stays short."""
    models = catalogue("ocpp1.6")
    for look_up in (models.request, models.response, models.profile_of):
        with pytest.raises(UnknownAction) as caught:
            look_up(action)
        assert len(str(caught.value)) < 100


def test_unknown_action_is_an_error_of_this_room_and_a_lookup_error() -> None:
    """Callers may catch the room's root or the builtin."""
    assert issubclass(UnknownAction, OcppError)
    assert issubclass(UnknownAction, LookupError)


def test_refuses_a_message_of_another_version() -> None:
    """A 2.0.1 message is no 1.6 message, even under the same name; a part of a message is none at all."""
    with pytest.raises(UnknownAction):
        catalogue("ocpp1.6").action_of(v201.HeartbeatRequest)
    with pytest.raises(UnknownAction):
        catalogue("ocpp1.6").action_of(v16.IdTagInfo)  # type: ignore[arg-type]


def test_an_unanswered_action_has_no_response() -> None:
    """The one SEND of OCPP 2.1 has a payload and no answer."""
    models = catalogue("ocpp2.1")
    assert models.unanswered == {"NotifyPeriodicEventStream"}
    assert issubclass(models.request("NotifyPeriodicEventStream"), Message)
    with pytest.raises(UnknownAction, match="without an answer"):
        models.response("NotifyPeriodicEventStream")


@pytest.mark.parametrize(
    ("protocol", "action", "profile"),
    [
        ("ocpp1.6", "BootNotification", "Core"),
        ("ocpp1.6", "SendLocalList", "LocalAuthListManagement"),
        ("ocpp1.6", "SignCertificate", "Security"),
        ("ocpp2.0.1", "TransactionEvent", "E"),
        ("ocpp2.1", "BatterySwap", "S"),
    ],
)
def test_names_the_profile_of_an_action(protocol: str, action: str, profile: str) -> None:
    """1.6 has feature profiles, the later versions have functional blocks."""
    assert catalogue(protocol).profile_of(action) == profile


def test_refuses_a_protocol_without_messages() -> None:
    """Only the versions that exist have a catalogue."""
    with pytest.raises(ValueError, match=r"ocpp1\.5"):
        catalogue("ocpp1.5")


@pytest.mark.parametrize("package", [v16, v201, v21])
def test_a_package_hands_out_all_its_names(package: object) -> None:
    """Every type in the tables can be imported from the package, and nothing else can."""
    for name in (*package.TYPES, *(f"{action}Request" for action in package.ACTIONS)):  # type: ignore[attr-defined]
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = package.Nonsense  # type: ignore[attr-defined]


def test_a_version_package_builds_no_model() -> None:
    """Importing a version, or making its catalogue, loads neither pydantic nor a module of models."""
    loaded = _modules_after("import ocpp_client.v16, ocpp_client.catalogue; ocpp_client.catalogue.catalogue('ocpp2.1')")
    assert "ocpp_client.v21" in loaded
    assert not {name for name in loaded if name.startswith(("pydantic", "ocpp_client.v16.", "ocpp_client.v21."))}


def test_a_message_loads_its_own_module_only() -> None:
    """A charge point that speaks Core of 1.6 pays for Core of 1.6."""
    loaded = _modules_after("from ocpp_client.v16 import BootNotificationRequest")
    versions = {name for name in loaded if name.startswith("ocpp_client.v")}
    assert versions == {"ocpp_client.v16", "ocpp_client.v16.core", "ocpp_client.v16.datatypes"}


def test_models_are_built_on_first_use() -> None:
    """An imported model has no validator yet; the first message builds it."""
    code = (
        "from ocpp_client.v16 import HeartbeatRequest as H\n"
        "assert not H.__pydantic_complete__\n"
        "from ocpp_client.messages import from_wire\n"
        "from_wire(H, '{}')\n"
        "assert H.__pydantic_complete__"
    )
    assert "ocpp_client.v16.core" in _modules_after(code)
