"""The configuration: who wins, and one line for whatever is wrong."""

from pathlib import Path

import pytest

from firmware.config import load_config
from firmware.errors import ConfigError


def _file(directory: Path, text: str) -> Path:
    path = directory / "wayside.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Each key on its own."""
    path = _file(tmp_path, '[station]\nid = "FILE"\nvendor = "FILE"\nmodel = "FILE"\n')
    environment = {"WAYSIDE_STATION_ID": "ENV", "WAYSIDE_STATION_VENDOR": "ENV", "WAYSIDE_BOARD": "other"}
    config = load_config(path, environment=environment, overrides={"station.id": "LINE"})
    assert (config.station.id, config.station.vendor, config.station.model) == ("LINE", "ENV", "FILE")
    assert config.board == "other"
    assert config.csms.url == "ws://127.0.0.1:9000/ocpp"


def test_text_becomes_what_the_key_holds() -> None:
    """Numbers, truth and lists come as text from environment and command line."""
    config = load_config(
        None,
        environment={"WAYSIDE_CSMS_PROTOCOLS": " ocpp1.6 ,", "WAYSIDE_CSMS_SECURITY_PROFILE": "2"},
        overrides={
            "csms.url": "wss://c.example/ocpp",
            "csms.compression": "true",
            "csms.pong_timeout_s": "7.5",
            "csms.password": "123",
        },
    )
    assert config.csms.protocols == ("ocpp1.6",)
    assert (config.csms.security_profile, config.csms.compression, config.csms.pong_timeout_s) == (2, True, 7.5)
    assert config.csms.password == "123"


def test_protocol_keys_take_any_kind_of_value(tmp_path: Path) -> None:
    """As the protocol writes them."""
    path = _file(
        tmp_path, '[ocpp16]\nHeartbeatInterval = 60\nLocalPreAuthorize = true\nMeterValuesSampledData = ["SoC"]\n'
    )
    assert load_config(path, environment={}).ocpp16 == {
        "HeartbeatInterval": "60",
        "LocalPreAuthorize": "true",
        "MeterValuesSampledData": "SoC",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[station]\nnonsense = 1\n", ("station.nonsense", "unknown key")),
        ("[station]\nid = 5\n", ("station.id", "string")),
        ('[csms]\nurl = "http://x"\n', ("csms.url", "ws://")),
        ('[control]\nlisten = "8080"\n', ("control.listen", "HOST:PORT")),
        ("station = 3\n", ("station",)),
        ("[station\n", ("not TOML",)),
        ('[ocpp16]\nHeartbeatInterval = "often"\n', ("HeartbeatInterval",)),
    ],
)
def test_a_mistake_in_the_file_is_told_in_one_line(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    """With the file, the key and the reason."""
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load_config(path, environment={})
    for part in (str(path), *said):
        assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_mistake_elsewhere_names_where_it_came_from(tmp_path: Path) -> None:
    """The variable or the command line, also for one item of a list."""
    for environment, overrides, where in (
        ({"WAYSIDE_CSMS_URL": "x"}, {}, "environment WAYSIDE_CSMS_URL"),
        ({"WAYSIDE_CSMS_PROTOCOLS": "ocpp9"}, {}, "environment WAYSIDE_CSMS_PROTOCOLS"),
        ({}, {"csms.security_profile": "9"}, "command line"),
        ({}, {"station.nonsense": "1"}, "command line"),
    ):
        with pytest.raises(ConfigError, match=where):
            load_config(None, environment=environment, overrides=overrides)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml", environment={})


def test_secrets_do_not_show() -> None:
    """Neither in the text of a configuration nor in an error about it."""
    config = load_config(None, environment={}, overrides={"csms.password": "hunter2-hunter2"})
    assert "hunter2" not in repr(config)
    with pytest.raises(ConfigError) as raised:
        load_config(None, environment={}, overrides={"csms.password_hex": "hunter2-zz"})
    assert "hunter2" not in str(raised.value)
