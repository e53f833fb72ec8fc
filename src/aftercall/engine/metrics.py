"""Counters and histograms of this process, as Prometheus text (X4). Labels are few and never hold tenant data."""

from bisect import bisect_left
from collections import defaultdict

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

HELP = {
    "aftercall_facts_total": "Facts taken in, by result.",
    "aftercall_calls_total": "Calls settled, by status.",
    "aftercall_commits_total": "Group commits of the intake.",
    "aftercall_deliveries_total": "Deliveries settled, by status.",
    "aftercall_attempts_total": "Attempts, by result.",
    "aftercall_requests_refused_total": "Requests refused at the door, by reason.",
    "aftercall_source_input_total": "What sources sent besides facts, by what became of it.",
    "aftercall_callbacks_total": "Callbacks of providers of messages, by result.",
    "aftercall_liveness_total": "Calls whose end did not come and whose vendor was asked, by its answer.",
    "aftercall_accept_seconds": "From reading a request to its commit.",
    "aftercall_delay_seconds": "From an event being due to the receiver's yes at the first attempt (W11).",
    "aftercall_attempt_seconds": "Duration of attempts.",
}


class Histogram:
    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.sum += seconds
        self.counts[bisect_left(BUCKETS, seconds)] += 1


class Metrics:
    def __init__(self) -> None:
        self.counters: dict[tuple[str, str], int] = defaultdict(int)
        self.histograms: dict[str, Histogram] = defaultdict(Histogram)
        self.gauges: dict[str, float] = {}

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """`label` is a ready `key="value"`, from a closed set."""
        self.counters[name, label] += by

    def observe(self, name: str, seconds: float) -> None:
        self.histograms[name].observe(seconds)

    def text(self) -> str:
        """The Prometheus text exposition format, version 0.0.4."""
        lines: list[str] = []
        for name in sorted({n for n, _ in self.counters}):
            lines += [f"# HELP {name} {HELP.get(name, name)}", f"# TYPE {name} counter"]
            for (n, label), value in sorted(self.counters.items()):
                if n == name:
                    lines.append(f"{name}{{{label}}} {value}" if label else f"{name} {value}")
        for name, histogram in sorted(self.histograms.items()):
            lines += [f"# HELP {name} {HELP.get(name, name)}", f"# TYPE {name} histogram"]
            total = 0
            for bound, count in zip((*BUCKETS, "+Inf"), histogram.counts, strict=True):
                total += count
                lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
            lines += [f"{name}_sum {histogram.sum:.6f}", f"{name}_count {total}"]
        for name, level in sorted(self.gauges.items()):
            lines += [f"# TYPE {name} gauge", f"{name} {level:g}"]
        return "\n".join(lines) + "\n"
