"""What came of scenarios: lines for people, and a file in JUnit's format for build servers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as ET

from firmware.scenarios.runner import Run, Tick, TickState

SIGNS: Final = {
    TickState.AHEAD: " ",
    TickState.RUNNING: "…",
    TickState.DONE: "✓",
    TickState.FAILED: "✗",
    TickState.SKIPPED: "-",
}
LAST_FRAMES: Final = 40


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario under one version. `took_s` is real time; `frames` are there where they could be kept."""

    run: Run
    protocol: str
    took_s: float
    frames: Sequence[str] = field(default=())

    @property
    def problem(self) -> str | None:
        """What went wrong in one line, or None."""
        if self.run.passed:
            return None
        failed = next((tick for tick in self.run.ticks if tick.state is TickState.FAILED), None)
        if self.run.trouble or failed is None:
            return self.run.trouble or "it was not played to its end"
        return f"line {failed.line}: {failed.title}: {failed.why}"


def tick_line(tick: Tick) -> str:
    """A step for people."""
    took = f"  {tick.took_s:.1f} s" if tick.took_s >= 0.1 else ""
    why = f" ({tick.why})" if tick.why else ""
    return f"  {SIGNS[tick.state]} {tick.title}{why}{took}"


def result_line(result: Result) -> str:
    """A scenario for people."""
    sign = SIGNS[TickState.DONE if result.problem is None else TickState.FAILED]
    scenario = result.run.scenario
    skipped = sum(tick.state is TickState.SKIPPED for tick in result.run.ticks)
    notes = f", {skipped} steps left out" if skipped else ""
    line = f"{sign} {scenario.name}  {scenario.head.title}  {result.protocol}, {result.took_s:.1f} s{notes}"
    return line if result.problem is None else f"{line}\n    {result.problem}"


def junit(results: Iterable[Result]) -> bytes:
    """The file for a build server."""
    suites = ET.Element("testsuites", name="wayside scenario")
    by_protocol: dict[str, list[Result]] = {}
    for result in results:
        by_protocol.setdefault(result.protocol, []).append(result)
    for protocol, each in by_protocol.items():
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=protocol,
            tests=str(len(each)),
            failures=str(sum(result.problem is not None for result in each)),
            errors="0",
            time=f"{sum(result.took_s for result in each):.3f}",
        )
        for result in each:
            _case(suite, result)
    ET.indent(suites)
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ET.Element, result: Result) -> None:
    scenario = result.run.scenario
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"scenario.{result.protocol}",
        name=f"{scenario.name}: {scenario.head.title}",
        time=f"{result.took_s:.3f}",
    )
    if result.problem is not None:
        failure = ET.SubElement(case, "failure", message=_clean(result.problem))
        failure.text = _clean("\n".join(tick_line(tick) for tick in result.run.ticks))
        if result.frames:
            ET.SubElement(case, "system-out").text = _clean("\n".join(result.frames[-LAST_FRAMES:]))


def _clean(text: str) -> str:
    """Without the control characters that XML cannot have."""
    return "".join(c if c in "\n\t" or c >= " " else "?" for c in text)
