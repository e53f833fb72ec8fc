"""A live Kamailio on loopback that reports to an AfterCall server, and SIPp for the people who phone.

async with KamailioRig("http://127.0.0.1:8080/in/src_x", token) as rig:
    call = await rig.place_call("answered")
"""

import asyncio
import contextlib
import functools
import os
import re
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

HERE = Path(__file__).parent
MODULES = ("acc_json.so", "http_client.so", "jansson.so")
PROXY, TRUNK, PHONE = "127.0.0.5", "127.0.0.6", "127.0.0.7"
SERVER_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # Debian keeps servers in /usr/sbin

Outcome = Literal["answered", "busy", "rejected", "cancelled", "no_answer", "transferred"]
Direction = Literal["inbound", "outbound"]
SCENARIOS: dict[tuple[Outcome, str], tuple[str, str]] = {
    ("answered", "caller"): ("caller_hangs_up", "phone_answers"),
    ("answered", "callee"): ("caller_is_hung_up_on", "phone_hangs_up"),
    ("busy", "caller"): ("caller_is_refused", "phone_refuses"),
    ("rejected", "caller"): ("caller_is_refused", "phone_refuses"),
    ("cancelled", "caller"): ("caller_cancels", "phone_rings"),
    ("no_answer", "caller"): ("caller_is_refused", "phone_rings"),
    ("transferred", "caller"): ("caller_transfers", "phone_is_transferred"),
}


class RigError(Exception):
    """The rig did not do what it should; the message ends with the log of the program that failed."""


@dataclass(frozen=True, kw_only=True)
class PlacedCall:
    """A call that is over. The times are of the caller's own SIP messages, not of the proxy's records."""

    call_id: str
    outcome: Outcome
    invited_at: datetime
    answered_at: datetime | None
    ended_at: datetime  # BYE or CANCEL left or came, or the refusal came


def missing_packages() -> list[str]:
    """What must be installed first, as Debian packages; empty when the rig can run."""
    missing = [] if shutil.which("sipp") else ["sip-tester"]
    if shutil.which("kamailio", path=SERVER_PATH) is None:
        return [*missing, "kamailio", "kamailio-extra-modules", "kamailio-utils-modules"]
    present = {path.name for path in Path("/usr").glob("lib*/**/kamailio/modules/*.so")}
    packages = {"http_client.so": "kamailio-utils-modules"}
    absent = {packages.get(module, "kamailio-extra-modules") for module in MODULES if module not in present}
    return [*missing, *sorted(absent)]


class KamailioRig:
    """A proxy between a trunk (127.0.0.6) and a phone (127.0.0.7). Calls may be placed side by side.

    `base_url` is the source's address, without credentials; `token` goes out as HTTP Basic password.
    """

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        ring_out_seconds: float = 2.0,
        dialog_seconds: int = 43_200,
        tells_direction: bool = True,
    ) -> None:
        self.base_url, self.token = base_url, token
        self.ring_out_seconds, self.dialog_seconds = ring_out_seconds, dialog_seconds
        self.tells_direction = tells_direction
        self.address = (PROXY, 0)

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        try:
            self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kamailio-")))
            self._process = await self._start()
            self._stack.push_async_callback(_stop, self._process)
            await self._ready()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def place_call(
        self,
        outcome: Outcome,
        caller: str = "+14085551234",
        callee: str = "+14085559876",
        talk_seconds: float = 1.0,
        *,
        ring_seconds: float = 0.3,
        hung_up_by: Literal["caller", "callee"] = "caller",
        direction: Direction = "inbound",
    ) -> PlacedCall:
        """Place one call, return when it is over. Inbound comes from the trunk, outbound from the phone."""
        if ring_seconds >= self.ring_out_seconds:
            raise ValueError("it would ring out first: see ring_out_seconds")
        call_id = f"{uuid.uuid4()}@rig"
        near, far = (TRUNK, PHONE) if direction == "inbound" else (PHONE, TRUNK)
        trunk, phone = (near, _free_port(near)), (far, _free_port(far))
        scenarios = SCENARIOS[outcome, hung_up_by]
        settings = {
            "RING_MS": f"{ring_seconds * 1000:.0f}",
            "TALK_MS": f"{talk_seconds * 1000:.0f}",
            "REFUSAL": "603 Decline" if outcome == "rejected" else "486 Busy Here",
        }
        scene = Path(tempfile.mkdtemp(dir=self.directory))
        for name in scenarios:
            _render(HERE / "sipp" / f"{name}.xml", scene, settings)
        keys = {
            "caller": caller,
            "trunk": _joined(trunk),
            "phone": _joined(phone),
            "tag": uuid.uuid4().hex[:8],
        }
        bound = talk_seconds + ring_seconds + self.ring_out_seconds + 10
        sipp = functools.partial(_sipp, scene, keys, callee)
        async with contextlib.AsyncExitStack() as stack:
            phone_end = await sipp(scenarios[1], phone, None, call_id)
            stack.push_async_callback(_stop, phone_end)
            await _until(lambda: _is_bound(phone), phone_end, scene / f"{scenarios[1]}.log")
            caller_end = await sipp(scenarios[0], trunk, self.address, call_id)
            stack.push_async_callback(_stop, caller_end)
            for end, name in ((caller_end, scenarios[0]), (phone_end, scenarios[1])):
                await _finished(end, scene, name, bound)
        return _measured(call_id, outcome, (scene / f"{scenarios[0]}.messages").read_text())

    def log(self) -> str:
        return (self.directory / "kamailio.log").read_text(errors="replace")

    async def _start(self) -> asyncio.subprocess.Process:
        self.address = (PROXY, _free_port(PROXY))
        scheme, _, rest = self.base_url.partition("://")
        url = f"{scheme}://kamailio:{self.token}@{rest}" if self.token else self.base_url
        operator = "https://kamailio:TOKEN@aftercall.example.com/in/src_ID"
        untold = {} if self.tells_direction else {'= "inbound";': '= "";', '= "outbound";': '= "";'}
        _render(HERE / "aftercall.cfg", self.directory, {}, {operator: url, "192.0.2.10": TRUNK, **untold})
        settings = {
            "LISTEN": _joined(self.address),
            "RING_MS": f"{self.ring_out_seconds * 1000:.0f}",
            "DIALOG_S": str(self.dialog_seconds),
        }
        config = _render(HERE / "kamailio.cfg", self.directory, settings)
        program = shutil.which("kamailio", path=SERVER_PATH) or "kamailio"
        arguments = ("-DD", "-E", "-f", config, "-Y", self.directory, "-P", self.directory / "kamailio.pid")
        return await _run(program, *arguments, log=self.directory / "kamailio.log", cwd=self.directory)

    async def _ready(self) -> None:
        """Until it answers OPTIONS."""
        log = self.directory / "kamailio.log"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((TRUNK, 0))
            probe.setblocking(False)
            ask = _options(self.address, probe.getsockname())

            def answered() -> bool:
                with contextlib.suppress(OSError):
                    probe.sendto(ask, self.address)
                    return probe.recv(4096).startswith(b"SIP/2.0 200")
                return False

            await _until(answered, self._process, log)


async def _run(program: str, *arguments: str | Path, log: Path, cwd: Path) -> asyncio.subprocess.Process:
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            program,
            *map(str, arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, "TZ": "UTC", "TERM": "dumb"},
        )


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Kamailio's main process takes its children with it; 5 s are more than it has ever needed."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _sipp(
    scene: Path,
    keys: dict[str, str],
    callee: str,
    scenario: str,
    local: tuple[str, int],
    remote: tuple[str, int] | None,
    call_id: str,
) -> asyncio.subprocess.Process:
    return await _run(
        "sipp",
        *("-sf", f"{scenario}.xml", "-m", "1", "-nostdin", "-s", callee, "-cid_str", call_id),
        *("-i", local[0], "-p", str(local[1]), "-ci", "127.0.0.1"),
        *("-trace_msg", "-message_file", f"{scenario}.messages"),
        *("-trace_err", "-error_file", f"{scenario}.errors"),
        *(argument for key, value in keys.items() for argument in ("-key", key, value)),
        *([_joined(remote)] if remote else []),
        log=scene / f"{scenario}.log",
        cwd=scene,
    )


async def _finished(process: asyncio.subprocess.Process, scene: Path, scenario: str, bound: float) -> None:
    try:
        status = await asyncio.wait_for(process.wait(), bound)
    except TimeoutError:
        status = None
    if status != 0:
        errors = scene / f"{scenario}.errors"
        said = errors.read_text(errors="replace") if errors.exists() else ""
        raise RigError(f"sipp {scenario} ended with {status}\n{said[-2000:]}")


async def _until(
    reached: Callable[[], bool], process: asyncio.subprocess.Process, log: Path, bound: float = 10.0
) -> None:
    """Looks every 20 ms, so that nothing is waited for longer than it takes."""
    end = asyncio.get_running_loop().time() + bound
    while not reached():
        if process.returncode is not None or asyncio.get_running_loop().time() > end:
            raise RigError(
                f"not ready (exit {process.returncode})\n{log.read_text(errors='replace')[-2000:]}"
            )
        await asyncio.sleep(0.02)


def _render(
    template: Path, target: Path, settings: dict[str, str], replaced: dict[str, str] | None = None
) -> Path:
    text = template.read_text()
    for old, new in {**{f"@{name}@": value for name, value in settings.items()}, **(replaced or {})}.items():
        text = text.replace(old, new)
    (target / template.name).write_text(text)
    return target / template.name


def _joined(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_bound(address: tuple[str, int]) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return True
        return False


def _options(proxy: tuple[str, int], us: tuple[str, int]) -> bytes:
    lines = (
        f"OPTIONS sip:{_joined(proxy)} SIP/2.0",
        f"Via: SIP/2.0/UDP {_joined(us)};branch=z9hG4bK{uuid.uuid4().hex}",
        f"From: <sip:rig@{_joined(us)}>;tag=rig",
        f"To: <sip:{_joined(proxy)}>",
        f"Call-ID: {uuid.uuid4()}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


_MESSAGE = re.compile(
    r"^-+ (?P<at>\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d\.\d+)\n"
    r"UDP message (?P<way>sent|received) [^\n]*\n\n(?P<line>[^\n]*)\n(?P<head>.*?)(?=^-{20,}|\Z)",
    re.MULTILINE | re.DOTALL,
)


def _measured(call_id: str, outcome: Outcome, trace: str) -> PlacedCall:
    """When the caller's SIP messages went and came."""
    invited = answered = ended = None
    for message in _MESSAGE.finditer(trace):
        at = datetime.fromisoformat(message["at"].replace("\t", " ")).replace(tzinfo=UTC)
        line = message["line"]
        of_invite = re.search(r"^CSeq: *\d+ INVITE", message["head"], re.MULTILINE) is not None
        final = line.startswith("SIP/2.0 ") and line[8:9] != "1" and of_invite
        if line.startswith("INVITE "):
            invited = invited or at
        elif final and line.startswith("SIP/2.0 2"):
            answered = answered or at
        elif final or line.startswith(("BYE ", "CANCEL ")):
            ended = ended or at
    if invited is None or ended is None:
        raise RigError(f"the caller's trace has no beginning or no end\n{trace[-2000:]}")
    return PlacedCall(
        call_id=call_id, outcome=outcome, invited_at=invited, answered_at=answered, ended_at=ended
    )
