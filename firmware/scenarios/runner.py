"""Plays a scenario step by step on a stage, and tells how each step went."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final

from firmware.frame_rules import Rule
from firmware.scenarios import format as form
from firmware.scenarios import voices
from firmware.scenarios.commands import COMMANDS, Now
from firmware.scenarios.conversation import Exchange
from firmware.scenarios.files import PLACEHOLDER
from firmware.scenarios.format import Scenario, Step
from firmware.scenarios.matching import ANYTHING, difference
from firmware.scenarios.stage import Impossible, NotHere, Stage

FIRST_LOOK_S: Final = 0.05
LONGEST_LOOK_S: Final = 1.0  # between two looks at something that is waited for
PATIENCE: Final = 1.25  # each wait is longer than the last by this
ONLINE_WITHIN_S: Final = 120.0


Look = Callable[[], str | None]
"""Looks once: None when it is as expected, else what was found instead."""


class TickState(StrEnum):
    """How far a step is."""

    AHEAD = "ahead"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Tick:
    """One step as people see it. `why` says what was found instead, or why it was skipped."""

    title: str
    line: int
    state: TickState = TickState.AHEAD
    why: str = ""
    took_s: float = 0.0


class Failed(Exception):
    """A step did not go as it should. The text says what was found."""


class Run:
    """One playing of a scenario. `changed` is called after each change of `ticks`."""

    def __init__(
        self,
        scenario: Scenario,
        stage: Stage,
        *,
        changed: Callable[[int], None] = lambda _index: None,
    ) -> None:
        self.scenario = scenario
        self.ticks = [Tick(step.title, line) for step, line in zip(scenario.steps, scenario.lines, strict=True)]
        self.trouble = ""  # of the run as a whole: what hindered it from beginning
        self._stage = stage
        self._changed = changed
        self._mark = 0  # messages after it are looked at by expectations
        self._meter_wh = 0  # at the begin
        self._books = 0  # entries at the begin

    @property
    def passed(self) -> bool:
        """Whether every step was done or rightly left out."""
        return not self.trouble and all(tick.state in {TickState.DONE, TickState.SKIPPED} for tick in self.ticks)

    async def play(self) -> bool:
        """Play to the end or the first step that fails; tells whether it passed."""
        try:
            await self._begin()
        except Failed as error:
            self.trouble = str(error)
            self._changed(-1)
            return False
        for index, step in enumerate(self.scenario.steps):
            self._set(index, TickState.RUNNING)
            began_s = asyncio.get_running_loop().time()
            try:
                skipped = await self._step(step)
            except (Failed, Impossible) as error:
                self._set(index, TickState.FAILED, str(error), began_s)
                return False
            except NotHere as error:
                skipped = str(error)
            self._set(index, TickState.SKIPPED if skipped else TickState.DONE, skipped, began_s)
        return True

    def _set(self, index: int, state: TickState, why: str = "", began_s: float | None = None) -> None:
        took_s = 0.0 if began_s is None else asyncio.get_running_loop().time() - began_s
        self.ticks[index] = replace(self.ticks[index], state=state, why=why, took_s=took_s)
        self._changed(index)

    async def _begin(self) -> None:
        await self._until(lambda: difference({"online": True}, self._stage.seen(1)), ONLINE_WITHIN_S)
        if self.scenario.head.start == "offline":  # after it was accepted: before, no station takes a card
            await self._stage.perform("network", {"mode": "down"})
            await self._until(lambda: difference({"online": False}, self._stage.seen(1)), ONLINE_WITHIN_S)
        self._meter_wh = self._stage.meter_wh()
        try:
            self._books = len(self._stage.central.books())
        except NotHere:
            self._books = 0
        self._mark = self._stage.conversation.mark

    # ---- steps --------------------------------------------------------------------------------------------------------

    async def _step(self, step: Step) -> str:
        """Play one step; returns why it was left out, empty when it was done. Raises Failed, Impossible and NotHere."""
        if step.only is not None and step.only != self._stage.protocol:
            return f"only for {step.only}"
        if not isinstance(step, form.Wait | form.Expect | form.Never):
            self._mark = self._stage.conversation.mark
        match step:
            case form.Do():
                await self._do(step)
            case form.Command():
                await self._command(step)
            case form.Wait(wait_s=seconds):
                await self._stage.wait(seconds)
            case form.Expect(expect=expected, within_s=within_s):
                await self._until(self._look(expected), within_s)
            case form.Never(never=unwanted, for_s=for_s):
                await self._not_for(unwanted, for_s)
            case form.Rule(rule="release"):
                await self._stage.release()
            case form.Rule(rule="clear"):
                await self._stage.clear_rules()
            case form.Rule(rule=form.FrameRule() as rule):
                await self._stage.add_rule(self._at_work(rule))
            case form.Central():
                await self._central(step)
            case form.Power(power=power):
                await self._stage.set_power(power == "on")
        return ""

    async def _do(self, step: form.Do) -> None:
        loop = asyncio.get_running_loop()
        deadline_s, wait_s = loop.time() + step.within_s, FIRST_LOOK_S
        while True:
            try:
                return await self._stage.perform(step.path, step.action_body)
            except Impossible:
                if loop.time() >= deadline_s:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * PATIENCE, LONGEST_LOOK_S)

    async def _command(self, step: form.Command) -> None:
        protocol = self._spoken()
        arguments = COMMANDS[step.command].model_validate_json(self._placed(json.dumps(step.arguments)))
        now = Now(self._stage.now(), self._stage.transaction)
        action, payload = voices.say(protocol, step.command, arguments, now)
        reply = await self._stage.central.command(action, payload, step.within_s)
        if step.error is not None:
            found = reply.error or _shown(reply.answer, reply.why)
            if reply.error != step.error:
                raise Failed(f"{action} was answered {found}, not with the error {step.error}")
        elif reply.answer is None:
            raise Failed(f"{action} was not answered: {reply.error or reply.why}")
        elif isinstance(step.answer, str):
            status = voices.status_of(reply.answer)
            if status != step.answer:
                raise Failed(f"{action} was answered {status}, not {step.answer}")
        elif step.answer is not None:
            problem = difference(voices.form_for(protocol, step.answer), reply.answer)
            if problem is not None:
                raise Failed(f"{action} was answered wrongly: {problem}")

    def _placed(self, arguments: str) -> str:
        """The arguments with the address of the file server in its place. Raises NotHere without one."""
        if PLACEHOLDER not in arguments:
            return arguments
        url = self._stage.files_url
        if url is None:
            raise NotHere("there is no file server here; play it with: wayside scenario run")
        return arguments.replace(PLACEHOLDER, url)

    async def _central(self, step: form.Central) -> None:
        central, body = self._stage.central, step.body
        match step.csms:
            case "stop":
                await central.stop()
            case "start":
                await central.start()
            case "restart":
                await central.stop()
                await central.start()
            case "close":
                central.close()
            case "token":
                central.set_token(str(body["token"]), str(body.get("status", "Accepted")))
            case "faults":
                central.set_faults(body.get("rules", ()))

    def _at_work(self, rule: form.FrameRule) -> Rule:
        """The rule with the action that the version has for its message."""
        if rule.message is None:
            return rule.at_work(None)
        action, _ = voices.message(self._spoken(), rule.message)
        return rule.at_work(action)

    def _spoken(self) -> str:
        protocol = self._stage.protocol
        if protocol is None:
            raise Failed("the station has not agreed on a version with any central system yet")
        return protocol

    # ---- what is waited for -------------------------------------------------------------------------------------------

    async def _until(self, look: Look, within_s: float) -> None:
        """Look again and again until there is nothing to find fault with. Raises Failed with the last fault."""
        loop = asyncio.get_running_loop()
        deadline_s, wait_s = loop.time() + within_s, FIRST_LOOK_S
        while True:
            problem = look()
            if problem is None:
                return
            if loop.time() >= deadline_s:
                raise Failed(f"after {within_s:g} s {problem}")
            await asyncio.sleep(min(wait_s, max(deadline_s - loop.time(), 0.0)))
            wait_s = min(wait_s * PATIENCE, LONGEST_LOOK_S)

    async def _not_for(self, unwanted: form.Seen | form.Message, for_s: float) -> None:
        look = self._look(unwanted)
        loop = asyncio.get_running_loop()
        end_s, wait_s = loop.time() + for_s, FIRST_LOOK_S
        while True:
            if look() is None:
                raise Failed("it did happen")
            if loop.time() >= end_s:
                return
            await asyncio.sleep(min(wait_s, max(end_s - loop.time(), 0.0)))
            wait_s = min(wait_s * PATIENCE, LONGEST_LOOK_S)

    def _look(self, expected: form.Seen | form.Message | form.BooksTable) -> Look:
        match expected:
            case form.Seen():
                return partial(self._seen, expected)
            case form.Message():
                return partial(self._heard, expected)
            case form.BooksTable(books=books):
                return partial(self._written, books)

    def _seen(self, expected: form.Seen) -> str | None:
        wanted = expected.model_dump(exclude_none=True)
        evse = wanted.pop("evse", 1)
        found = dict(self._stage.seen(evse))
        if not found:
            return "the station's program does not run"
        found["charged_wh"] = self._stage.meter_wh() - self._meter_wh
        fault = wanted.pop("fault", None)
        if fault == "" and found["fault"]:
            return f"there are faults: {', '.join(found['fault'])}"
        if fault:
            wanted["fault"] = [fault]
        return difference(_without_none(wanted), found)

    def _heard(self, expected: form.Message) -> str | None:
        protocol = self._spoken()
        action, marks = voices.message(protocol, expected.message)
        fitting: list[Exchange] = []
        nearest = f"no {action} came from the {_SPEAKERS[expected.origin]}"
        for exchange in self._stage.conversation.since(self._mark):
            if exchange.taken or exchange.origin != expected.origin or exchange.action != action:
                continue
            if difference(marks, exchange.payload) is not None:
                continue
            problem = self._amiss(expected, exchange, protocol)
            if problem is not None:
                nearest = f"{action}: {problem}"
                continue
            fitting.append(exchange)
            if len(fitting) == expected.times:
                for each in fitting:
                    each.taken = True
                return None
        return f"{len(fitting)} of {expected.times} came" if fitting else nearest

    @staticmethod
    def _amiss(expected: form.Message, exchange: Exchange, protocol: str) -> str | None:
        if expected.payload is not None:
            problem = difference(voices.form_for(protocol, expected.payload), exchange.payload)
            if problem is not None:
                return problem
        if expected.error is not None:
            return None if exchange.error == expected.error else f"its answer is {_shown(exchange.answer, 'not there')}"
        if expected.answer is None:
            return None
        if exchange.answer is None:
            return f"its answer is {exchange.error or 'not there'}"
        if expected.answer == ANYTHING:
            return None
        return difference(voices.form_for(protocol, expected.answer), exchange.answer, "answer")

    def _written(self, expected: form.Books) -> str | None:
        entries = self._stage.central.books()[self._books :]
        last = entries[-1] if entries else None
        energy_wh = sum(entry.energy_wh or 0 for entry in entries)
        found = {
            "transactions": len(entries),
            "open": sum(entry.open for entry in entries),
            "energy_wh": energy_wh,
            "token": None if last is None else last.token,
            "reason": None if last is None else last.reason,
            "anomalies": sum(len(entry.anomalies) for entry in entries),
        }
        wanted = _without_none(expected.model_dump(exclude_none=True))
        if wanted.get("energy_wh") == "meter":
            wanted["energy_wh"] = self._stage.meter_wh() - self._meter_wh
        if isinstance(expected.reason, dict):
            wanted["reason"] = next((text for name, text in expected.reason.items() if name == self._spoken()), None)
        if wanted.get("reason") is None:
            wanted.pop("reason", None)
        problem = difference(wanted, found)
        if problem is not None and wanted.get("anomalies") == 0 and found["anomalies"]:
            problem += f"; odd: {', '.join(text for entry in entries for text in entry.anomalies)}"
        return None if problem is None else f"in the books {problem}"


_SPEAKERS: Final = {"station": "station", "csms": "central system"}


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table without what nobody asked for; ranges of which one end is open keep the other."""
    return {key: value for key, value in table.items() if value is not None}


def _shown(answer: Mapping[str, Any] | None, otherwise: str) -> str:
    return otherwise if answer is None else json.dumps(answer)[:200]
