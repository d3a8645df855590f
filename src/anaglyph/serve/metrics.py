"""Counters in the text format of Prometheus, written by hand: nothing to install or to run beside."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram, in seconds."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What happened since the server started; changed from the event loop only."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[str, list[int]] = {}
        self.sums: dict[str, float] = {}
        self.active = 0

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """One answered request; `route` is its pattern, so that there are few of them."""
        self.requests[method, route, status] += 1
        buckets = self.seconds.setdefault(route, [0] * (len(BOUNDS) + 1))
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self.sums[route] = self.sums.get(route, 0.0) + seconds

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """All of it; `gauges` is name -> (help, value) of what others count."""
        lines = [
            "# HELP anaglyph_requests_total Answered requests.",
            "# TYPE anaglyph_requests_total counter",
        ]
        lines += [
            f'anaglyph_requests_total{{method="{method}",route="{_escaped(route)}",status="{code}"}} {count}'
            for (method, route, code), count in sorted(self.requests.items())
        ]
        name = "anaglyph_request_seconds"
        lines += [f"# HELP {name} Time from head to last byte.", f"# TYPE {name} histogram"]
        for route, buckets in sorted(self.seconds.items()):
            label, reached = f'route="{_escaped(route)}"', 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
                reached += count
                lines.append(f'{name}_bucket{{{label},le="{bound}"}} {reached}')
            lines.append(f"{name}_sum{{{label}}} {self.sums[route]:.6f}")
            lines.append(f"{name}_count{{{label}}} {reached}")
        for gauge, (about, value) in {
            "anaglyph_requests_active": ("Requests being answered.", float(self.active)),
            **gauges,
        }.items():
            lines += [f"# HELP {gauge} {about}", f"# TYPE {gauge} gauge", f"{gauge} {value:g}"]
        return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
