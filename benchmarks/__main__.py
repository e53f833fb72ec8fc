"""`make bench`: every published figure, in one session; the table goes to docs/reference/performance.md.

ARGS="--runs 5" for more runs, ARGS="throughput latency" for some of the scripts, `--no-write` to leave the docs.
"""

import argparse
import asyncio
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import asterisk, calllog, email, latency, longcall, messages, recovery, smpp, throughput
from benchmarks.bench import Figure, note

SCRIPTS = {
    "throughput": throughput,
    "latency": latency,
    "asterisk": asterisk,
    "smpp": smpp,
    "longcall": longcall,
    "messages": messages,
    "recovery": recovery,
    "calllog": calllog,
    "email": email,
}
TABLE = Path(__file__).parent.parent / "docs" / "reference" / "performance-figures.md"
HEAD = """# Figures

Written by `make bench`. Medians over {runs} runs of one session, minimum to maximum beside them;
{date}, Python {python}, {cpus} processors shared by server, receiver and generator.
"must" and "aim" are the house's own marks.

| measure | unit | median | min - max | must | aim | met |
|---|---|---|---|---|---|---|
"""


async def main(names: list[str], runs: int, *, write: bool) -> None:
    figures: list[Figure] = []
    for name in names:
        figures += await SCRIPTS[name].run(runs)
    text = HEAD.format(
        runs=runs,
        date=datetime.now(UTC).date().isoformat(),
        python=platform.python_version(),
        cpus=len(os.sched_getaffinity(0)),
    )
    text += "\n".join(f.row() for f in figures) + "\n"
    print("\n" + text)
    if write and len(names) == len(SCRIPTS):
        TABLE.write_text(text)
        note(f"written to {TABLE.relative_to(Path.cwd())}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scripts", nargs="*", choices=[[], *SCRIPTS], help="default: all")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-write", action="store_true")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.scripts or list(SCRIPTS), chosen.runs, write=not chosen.no_write))
