"""The requirement tables of both versions as pages of docs/."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tests.requirements.evidence import Said, exercising, tests_of
from tests.requirements.notes import DIRECTIONS, NOTES, OUT_OF_SCOPE
from tests.requirements.station import ROOT, Setting, Version, versions

COMMAND = "python -m tests.requirements"
SHOWN = 2  # tests named in a row
PAGES = {"ocpp1.6": Path("docs/ocpp16.md"), "ocpp2.0.1": Path("docs/ocpp201.md")}
TITLES = {
    "ocpp1.6": "OCPP 1.6 edition 2 with errata and security extension",
    "ocpp2.0.1": "OCPP 2.0.1 edition 3 with errata: the first slice",
}
DECISIONS = {"ocpp1.6": "ocpp16-decisions.md", "ocpp2.0.1": "ocpp201-decisions.md"}
UNTESTED = "none"


def pages() -> dict[Path, str]:
    """Both pages, from the code and the tests as they are."""
    return {PAGES[version.protocol]: _page(version) for version in versions()}


def _page(version: Version) -> str:
    tests = tests_of(version.protocol, ROOT)
    things = "Configuration keys" if version.protocol == "ocpp1.6" else "Variables"
    group = "Profile" if version.protocol == "ocpp1.6" else "Block"
    lines = [
        f"# {TITLES[version.protocol]}",
        "",
        f"Written by `{COMMAND}` from the program and its tests; do not edit. A message is supported when a station with",
        "everything switched on answers or sends it. The tests are those that name the message, key or variable, at most two.",
        f"What the standard leaves open is decided in [{DECISIONS[version.protocol]}]({DECISIONS[version.protocol]}).",
        "",
        "## Messages",
        "",
        f"| Message | {group} | From | Supported | Tests | Notes |",
        "|---|---|---|---|---|---|",
    ]
    for action in sorted(version.groups, key=lambda name: (version.groups[name], name)):
        used = exercising(tests, _naming(action))
        origin = DIRECTIONS.get(action, "CSMS")
        cells = [action, version.groups[action], origin, _supported(version, action, origin), _named(used)]
        lines.append(_row([*cells, _note(version, action, origin)]))
    lines += ["", f"## {things}", "", "| Name | Access | Initial value | Tests |", "|---|---|---|---|"]
    for setting in version.settings:
        used = exercising(tests, _setting(setting))
        value = f"`{setting.value}`" if setting.value else ""
        lines.append(_row([setting.title, setting.access, value, _named(used)]))
    return "\n".join(lines) + "\n"


def _supported(version: Version, action: str, origin: str) -> str:
    sent, answered = action in version.sent, action in version.answered
    return "yes" if (origin == "station" and sent) or (origin != "station" and answered) else "no"


def _note(version: Version, action: str, origin: str) -> str:
    note = NOTES.get((version.protocol, action)) or ""
    if _supported(version, action, origin) == "yes" or note:
        return note
    return OUT_OF_SCOPE if origin == "station" else "NotSupported"


def _naming(action: str) -> Callable[[Said], bool]:
    return lambda said: action in said.texts


def _setting(setting: Setting) -> Callable[[Said], bool]:
    bare = setting.name.partition("[")[0]
    if setting.component:
        return lambda said: (setting.component, bare) in said.pairs
    return lambda said: bare in said.texts


def _named(places: list[str]) -> str:
    shown = [f"`{place.removeprefix('tests/')}`" for place in places[:SHOWN]]
    return "<br>".join(shown) or UNTESTED


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
