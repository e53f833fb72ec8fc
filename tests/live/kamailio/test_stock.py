# The configuration of the documentation in the one that Debian's package brings: Kamailio itself checks it.

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live.kamailio.rig import HERE, SERVER_PATH
from tests.support.programs import program

pytestmark = pytest.mark.live

STOCK = Path("/etc/kamailio")


def test_stock_configuration_takes_the_two_lines_of_the_documentation(tmp_path: Path) -> None:
    program("kamailio")
    folder = tmp_path / "kamailio"
    shutil.copytree(STOCK, folder)
    shutil.copy(HERE / "aftercall.cfg", folder)
    config = folder / "kamailio.cfg"
    text = config.read_text()
    for place in ("\nrequest_route {\n", "\nroute[RELAY] {\n"):
        assert text.count(place) == 1
    text = text.replace("\nrequest_route {\n", '\ninclude_file "aftercall.cfg"\n\nrequest_route {\n')
    config.write_text(text.replace("\nroute[RELAY] {\n", "\nroute[RELAY] {\n\troute(AFTERCALL);\n"))
    kamailio = shutil.which("kamailio", path=SERVER_PATH) or "kamailio"
    checked = subprocess.run(
        [kamailio, "-c", "-f", config, "-Y", tmp_path],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr[-2000:]
