"""Whether what was found is what was expected: the comparison behind every expectation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

ANYTHING: Final = "*"  # in a payload: whatever it is, it must be there


def difference(expected: Any, found: Any, path: str = "") -> str | None:
    """None when `found` has all that is expected, else the first difference as a phrase.

    Tables must have at least what is expected. `{above, below}` bounds a number. A list that is expected where none was found
    names alternatives; where one was found, each expected item must be in it. "*" stands for anything that is there.
    """
    if _is_range(expected):
        return _outside(expected, found, path)
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return _differs(path, expected, found)
        for key, wanted in expected.items():
            where = f"{path}.{key}" if path else str(key)
            problem = f"{where} is missing" if key not in found else difference(wanted, found[key], where)
            if problem is not None:
                return problem
        return None
    if _is_list(expected):
        return _any_of(expected, found, path)
    if expected == ANYTHING:
        return None if found is not None else f"{path} is missing"
    if isinstance(expected, bool) is not isinstance(found, bool) or expected != found:
        return _differs(path, expected, found)
    return None


def _any_of(expected: Sequence[Any], found: Any, path: str) -> str | None:
    if not _is_list(found):
        fits = any(difference(each, found) is None for each in expected)
        return None if fits else _differs(path, " or ".join(map(str, expected)), found)
    for wanted in expected:
        if not any(difference(wanted, item) is None for item in found):
            return f"{path} has no {wanted}"
    return None


def _outside(bounds: Mapping[str, float | None], found: Any, path: str) -> str | None:
    if not isinstance(found, int | float) or isinstance(found, bool):
        return _differs(path, "a number", found)
    above, below = bounds.get("above"), bounds.get("below")
    if above is not None and not found > above:
        return f"{path} is {found:g}, not above {above:g}"
    if below is not None and not found < below:
        return f"{path} is {found:g}, not below {below:g}"
    return None


def _is_range(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and set(value) <= {"above", "below"}


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _differs(path: str, expected: Any, found: Any) -> str:
    where = f"{path} is " if path else ""
    return f"{where}{_shown(found)}, not {_shown(expected)}"


def _shown(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
