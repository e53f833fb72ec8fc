# Programs from Debian packages that the `live` tests talk to; scripts/install-test-packages installs them.

import os
import shutil
from pathlib import Path

import pytest


def program(name: str) -> Path:
    """Where it is. Without it the test is skipped, or fails under CI, where everything must be there."""
    # Debian keeps servers in directories that only root has on its path, and Kannel's fakesmsc in one of its own.
    path = shutil.which(
        name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin:/usr/lib/kannel/test"
    )
    if path is not None:
        return Path(path)
    reason = f"{name} is not installed: sudo scripts/install-test-packages"
    if os.environ.get("AFTERCALL_CI"):
        pytest.fail(reason)
    pytest.skip(reason)
