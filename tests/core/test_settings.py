"""Settings: typed, ranged, and unchanged by what they refuse."""

import pytest

from firmware.core import settings as s
from firmware.core.settings import ALL, BY_ID, AnySetting, BadSetting, Settings
from firmware.core.values import Point, Result


def test_every_setting_has_an_id_of_its_own() -> None:
    """No two definitions share an id."""
    assert len(BY_ID) == len(ALL) > 20


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.id)
def test_a_default_survives_its_own_text(setting: AnySetting) -> None:
    """What is written down for a value reads back as that value, and says what it does."""
    assert setting.parse(setting.render(setting.default)) == setting.default
    assert setting.effect


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (s.CACHE_ENABLED, " TRUE ", True),
        (s.CACHE_ENABLED, "false", False),
        (s.SAMPLE_INTERVAL_S, "0", 0),
        (s.SAMPLE_INTERVAL_S, " 90 ", 90),
        (s.SAMPLED, "voltage.l1, SoC,SoC", s.SAMPLED.parse("Voltage.L1,SoC")),
        (s.SAMPLED, "", ()),
        (s.STOP_POINTS, "EVConnected,,Authorized", frozenset({Point.EV_CONNECTED, Point.AUTHORIZED})),
        (s.AFTER_POWER_LOSS, "close", "close"),
        (s.PHASE_ROTATION, "1.RST", "1.RST"),
    ],
)
def test_a_good_value_is_taken(setting: AnySetting, text: str, value: object) -> None:
    """As text in, as its type out."""
    settings = Settings()
    assert settings.set(setting, text).accepted
    assert settings[setting] == value
    assert setting.parse(settings.text(setting)) == value


@pytest.mark.parametrize(
    ("setting", "text", "reason"),
    [
        (s.CACHE_ENABLED, "yes", "true or false"),
        (s.SAMPLE_INTERVAL_S, "-1", "0 to 2147483647"),
        (s.SAMPLE_INTERVAL_S, "2147483648", "0 to"),
        (s.SAMPLE_INTERVAL_S, "1.5", "whole number"),
        (s.SAMPLE_INTERVAL_S, "", "whole number"),
        (s.SAMPLE_INTERVAL_S, "٣", "whole number"),
        (s.SAMPLE_INTERVAL_S, "--1", "whole number"),
        (s.HEARTBEAT_INTERVAL_S, "0", "1 to"),
        (s.LIGHT_INTENSITY, "101", "0 to 100"),
        (s.SAMPLED, "Voltage,Nonsense", "Nonsense"),
        (s.STOP_POINTS, "Sometimes", "Sometimes"),
        (s.AFTER_POWER_LOSS, "perhaps", "resume, close"),
        (s.PHASE_ROTATION, "x" * 501, "500 characters"),
    ],
)
def test_a_bad_value_is_refused_and_changes_nothing(setting: AnySetting, text: str, reason: str) -> None:
    """The refusal names the setting and what it allows."""
    settings = Settings()
    before = dict(settings)
    outcome = settings.set(setting, text)
    assert outcome.result is Result.REJECTED
    assert setting.id in outcome.detail
    assert reason in outcome.detail
    assert dict(settings) == before


def test_initial_values_win_over_defaults() -> None:
    """What is given at the start is what holds."""
    assert Settings({"meter.sample-interval": "30"})[s.SAMPLE_INTERVAL_S] == 30


@pytest.mark.parametrize("initial", [{"no.such": "1"}, {"meter.sample-interval": "often"}])
def test_a_bad_initial_value_names_its_setting(initial: dict[str, str]) -> None:
    """A start with nonsense is refused."""
    with pytest.raises(BadSetting, match=next(iter(initial))):
        Settings(initial)


def test_a_setting_that_needs_a_restart_says_so() -> None:
    """The value is stored, and the answer tells that it does not hold yet."""
    slow = s.Setting("meter.sample-interval", 60, int, str, restart=True)
    settings = Settings()
    assert settings.set(slow, "30").result is Result.REBOOT_REQUIRED
    assert settings[slow] == 30
