"""Figures in the text format that Prometheus reads (exposition format 0.0.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["gauge", "counter"]

BUCKETS_S: Final = (0.001, 0.002, 0.004, 0.008, 0.016, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. Those of one name stand together."""

    name: str
    text: str
    kind: Kind | Literal["histogram"]
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


class Histogram:
    """Counts durations by how long they were."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count one."""
        self._sum_s += duration_s
        at = next((number for number, limit in enumerate(BUCKETS_S) if duration_s <= limit), len(BUCKETS_S))
        self._counts[at] += 1

    def metrics(self) -> Iterable[Metric]:
        """The figures; buckets count what is at most so long."""
        total = 0
        for limit, count in zip((*BUCKETS_S, float("inf")), self._counts, strict=True):
            total += count
            label = "+Inf" if limit == float("inf") else f"{limit:g}"
            yield Metric(self._name, self._text, "histogram", total, {"le": label}, "_bucket")
        yield Metric(self._name, self._text, "histogram", self._sum_s, suffix="_sum")
        yield Metric(self._name, self._text, "histogram", total, suffix="_count")


def own_metrics(connections: int) -> list[Metric]:
    """What every central system can tell."""
    return [Metric("wayside_csms_connections", "Open WebSockets of stations here.", "gauge", connections)]


def exposition(metrics: Iterable[Metric]) -> str:
    """The text."""
    lines: list[str] = []
    for (name, text, kind), found in groupby(metrics, key=lambda each: (each.name, each.text, each.kind)):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for each in found:
            labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in each.labels.items())
            lines.append(f"{name}{each.suffix}{f'{{{labels}}}' if labels else ''} {each.value:g}")
    return "\n".join([*lines, ""])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
