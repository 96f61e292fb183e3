"""Finds board files and reads them. Whatever is wrong with one is told in one line that names file and place."""

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from boards.description import BoardDescription
from boards.errors import BoardError
from boards.lines import line_of, lines_of

SHIPPED = Path(__file__).parent


def list_boards() -> dict[str, Path]:
    """The boards that ship with the program: name -> file."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def find_board(name_or_path: str) -> Path:
    """The file of a shipped board, or the file itself. Raises BoardError naming the boards there are."""
    shipped = list_boards()
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    raise BoardError(
        name_or_path, "", f"no such board; shipped are {', '.join(shipped)}, or give the path of a board file"
    )


def load_board(path: Path) -> BoardDescription:
    """Read a board file. Raises BoardError."""
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise BoardError(source, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BoardError(source, f"byte {error.start}", "not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BoardError(source, "", f"not TOML: {error}") from error
    lines = lines_of(text)
    try:
        description = describe(document, source)
    except BoardError as error:
        raise error.on(line_of(lines, error.place)) from error.__cause__
    description.remember_lines(lines)
    return description


def describe(document: dict[str, Any], source: str) -> BoardDescription:
    """A board from its decoded file. Raises BoardError."""
    if "source" in document:
        raise BoardError(source, "source", "unknown key")
    try:
        # By way of JSON, because strict validation takes a JSON array for a tuple and an integer for a float, nothing else.
        text = json.dumps({**document, "source": source}, default=str)
        description = BoardDescription.model_validate_json(text)
    except ValidationError as error:
        raise board_error(error, source) from None
    _check(description)
    return description


def board_error(error: ValidationError, source: str, prefix: str = "") -> BoardError:
    """The first thing that a validation found, in the board file's words."""
    first = error.errors(include_url=False)[0]
    place = place_of(first["loc"], prefix)
    reason = {
        "extra_forbidden": "unknown key",
        "missing": "missing",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] not in {"extra_forbidden", "missing", "value_error"}:
        reason += f", not {first['input']!r}"
    return BoardError(source, place, reason)


def place_of(loc: tuple[int | str, ...], prefix: str = "") -> str:
    """A place in the file: `evse[1].meter.driver`. Numbers count from 1."""
    place = prefix
    for part in loc:
        if isinstance(part, int):
            place += f"[{part + 1}]"
        else:
            place += f".{part}" if place else part
    return place


def _check(description: BoardDescription) -> None:
    ids = [evse.id for evse in description.evse]
    for number, evse_id in enumerate(ids, 1):
        if evse_id in ids[: number - 1]:
            raise BoardError(description.source, f"evse[{number}].id", f"there is an EVSE {evse_id} already")
    if sorted(ids) != list(range(1, len(ids) + 1)):
        gap = next(number for number in range(1, len(ids) + 1) if number not in ids)
        raise BoardError(description.source, "evse", f"ids must run from 1 without gaps; {gap} is missing")
    for place, table in description.devices():
        bus = table.options.get("bus")
        if bus is not None and bus not in description.bus:
            there = ", ".join(description.bus) or "none"
            raise BoardError(description.source, f"{place}.bus", f"there is no bus {bus!r}; there are: {there}")
        served = table.options.get("evses")
        for evse_id in served if isinstance(served, list) else ():
            if evse_id not in ids:
                raise BoardError(description.source, f"{place}.evses", f"there is no EVSE {evse_id!r}")
