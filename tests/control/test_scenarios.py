"""Scenarios on the running station: played and recorded over HTTP."""

import tomllib
from pathlib import Path

from firmware.scenarios.format import Do, parse
from firmware.scenarios.reference import BesideUs
from tests.control.station import CARD, EAGER_CAR, Station, station
from tests.control.test_rules import ID, connected

CHARGE = """
title = "A short charge"

[[step]]
do = "plug"
evse = 1
with = { car = { ask_delay_s = 0, draw_delay_s = 0, ramp_s = 0 } }

[[step]]
do = "tap"
evse = 1
with = { token = "04A1B2C3D4E5F6" }

[[step]]
expect = { state = "charging" }

[[step]]
command = "remote-stop"
with = { evse = 1 }
answer = "Accepted"

[[step]]
do = "unplug"
evse = 1
within_s = 10

[[step]]
expect = { books = { transactions = 1, open = 0, energy_wh = "meter" } }
"""


async def played(one: Station, text: str) -> list[dict]:  # type: ignore[type-arg]
    """Play a file and return every picture of the run that the stream told."""
    pictures = []
    async with one.events() as events:
        response = await one.http.post("/api/scenarios/run", json={"text": text})
        assert response.status_code == 202, response.text
        while True:
            run = (await events.next("scenario")).data["run"]
            pictures.append(run)
            if run["state"] != "running":
                return pictures


async def test_ticks_come_while_a_scenario_is_played(tmp_path: Path) -> None:
    """Each step is ahead, then running, then done; at the end everything is done."""
    async with connected(tmp_path) as (one, csms):
        one.app.central = BesideUs(csms, ID)
        pictures = await played(one, CHARGE)
        assert pictures[-1]["state"] == "passed", pictures[-1]
        assert {step["state"] for step in pictures[-1]["steps"]} == {"done"}
        assert any(step["state"] == "ahead" for step in pictures[0]["steps"])
        assert len(pictures) > 2


async def test_a_scenario_that_fails_says_why(tmp_path: Path) -> None:
    """With the step; and the frames are not meddled with any more."""
    async with connected(tmp_path) as (one, _csms):
        text = (
            'title = "x"\n[[step]]\nrule = { verb = "drop" }\n'
            '[[step]]\nexpect = { state = "faulted" }\nwithin_s = 0.2\n'
        )
        last = (await played(one, text))[-1]
        assert (last["state"], last["steps"][1]["state"]) == ("failed", "failed")
        assert last["steps"][1]["why"] == "after 0.2 s state is available, not faulted"
        assert (await one.http.get("/api/rules")).json()["rules"] == []


async def test_what_only_an_operator_can_do_is_asked_for(tmp_path: Path) -> None:
    """Without the controls of the central system a command is waited for, and its books are left out."""
    async with connected(tmp_path) as (one, csms):
        text = (
            'title = "x"\n[[step]]\ncommand = "clear-cache"\nanswer = "Accepted"\n'
            "[[step]]\nexpect = { books = { open = 0 } }\n"
        )
        async with one.events() as events:
            await one.http.post("/api/scenarios/run", json={"text": text})
            while not (await events.next("scenario")).data["run"]["asked"]:
                pass
            await csms.command(ID, "ClearCache", {})
            while (run := (await events.next("scenario")).data["run"])["state"] == "running":
                pass
        assert [step["state"] for step in run["steps"]] == ["done", "skipped"]


async def test_settings_are_those_of_before_when_it_ends(tmp_path: Path) -> None:
    """The scenario's settings are for the scenario."""
    async with connected(tmp_path) as (one, _csms):
        text = (
            'title = "x"\n[settings]\n"meter.sample-interval" = "7"\n'
            '[[step]]\nexpect = { setting = { "meter.sample-interval" = "7" } }\n'
        )
        assert (await played(one, text))[-1]["state"] == "passed"
        assert (await one.state())["settings"]["meter.sample-interval"] == "60"


async def test_one_scenario_at_a_time_and_only_at_empty_sockets(tmp_path: Path) -> None:
    """What cannot be played is refused with the reason; one that runs can be stopped."""
    async with connected(tmp_path) as (one, _csms):
        waiting = 'title = "x"\n[[step]]\nwait_s = 600\n'

        async def refused(**body: str) -> str:
            response = await one.http.post("/api/scenarios/run", json=body)
            assert response.status_code in (400, 409)
            text: str = response.json()["error"]["message"]
            return text

        assert "there is no scenario 'x'" in await refused(name="x")
        assert "scenario:2: step 1" in await refused(text='title = "x"\n[[step]]\n')
        assert "send name" in await refused()
        assert "restarts" in await refused(name="power-cut")
        assert "speaks ocpp1.6" in await refused(text=f'protocols = ["ocpp2.0.1"]\n{waiting}')
        async with one.events() as events:
            assert (await one.http.post("/api/scenarios/run", json={"text": waiting})).status_code == 202
            assert "stop it first" in await refused(name="charge")
            assert (await one.http.post("/api/scenarios/stop", json={})).json() == {"stopped": True}
            while (await events.next("scenario")).data["run"]["state"] == "running":
                pass
        await one.act("evse/1/plug", car=EAGER_CAR)
        assert "unplug it first" in await refused(text=waiting)


async def test_what_was_recorded_can_be_played(tmp_path: Path) -> None:
    """The actions at the mock board, in the words of the format, with the time between them."""
    async with station(tmp_path) as one:
        await one.act("evse/2/bay", occupied=False)  # before recording
        await one.http.post("/api/scenarios/recording", json={"on": True})
        await one.act("evse/1/plug", car=EAGER_CAR)
        await one.act("token", token=CARD, evses=[1])
        await one.act("limit", current_a=None)
        await one.http.post("/api/scenarios/recording", json={"on": False})
        await one.act("network", mode="up")  # after it
        assert (await one.state())["scenario"]["recording"] == {"on": False, "actions": 3}
        text = (await one.http.get("/api/scenarios/recording")).text
        scenario = parse(text, name="recorded", source="recorded.toml")
        assert [step.describe().split()[0] for step in scenario.steps] == ["plug", "tap", "limit"]
        steps = tomllib.loads(text)["step"]
        assert steps[0] == {"do": "plug", "evse": 1, "with": {"car": EAGER_CAR}}
        assert steps[1] == {"do": "tap", "evse": 1, "with": {"token": CARD}}
        limit = scenario.steps[2]
        assert isinstance(limit, Do)
        assert limit.action_body == {"current_a": None}
