# Kannel's bearerbox as ESME against our test SMSC (S3, S6): what the tests of our own client stand on can be used by
# a client that shares no code with it. https://www.kannel.org/download/kannel-userguide-snapshot/userguide.html

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from aftercall.channels.sms.smpp import coding, pdu
from tests.support.programs import program
from tests.support.receiver import Receiver
from tests.support.server import free_port
from tests.support.smsc import SYSTEM_ID, Smsc
from tests.support.wait import until

PASSWORD = "s3cret-8"  # Kannel sends no more than SMPP allows
pytestmark = [pytest.mark.live, pytest.mark.e2e]
CONFIG = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = none
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
interface-version = 34
enquire-link-interval = 5
reconnect-delay = 1

group = smpp-tlv
name = PE_ID
tag = 0x1400
type = octetstring
length = 30
smsc-id = ours

group = smpp-tlv
name = Template_ID
tag = 0x1401
type = octetstring
length = 30
smsc-id = ours

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = tester
password = tester
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
get-url = "{hook}?from=%p&text=%b"
max-messages = 0
"""


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    async with Smsc() as made:
        made.password = PASSWORD
        yield made


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture
async def send_url(smsc: Smsc, hook: Receiver, tmp_path: Path) -> AsyncIterator[str]:
    """Of a Kannel that is bound to our SMSC."""
    ports = {name: free_port() for name in ("admin", "box", "sendsms")}
    config = tmp_path / "kannel.conf"
    login = {"smsc": smsc.port, "system_id": SYSTEM_ID, "password": PASSWORD, "hook": hook.url("/in")}
    config.write_text(CONFIG.format(**ports, **login))
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running("bearerbox", config))
        await until(listening(ports["box"]))
        await stack.enter_async_context(running("smsbox", config))
        await until(listening(ports["sendsms"]))

        async def bound() -> bool:
            return smsc.sessions == 1

        await until(bound)
        yield f"http://127.0.0.1:{ports['sendsms']}/cgi-bin/sendsms"


@contextlib.asynccontextmanager
async def running(name: str, config: Path) -> AsyncIterator[None]:
    with (config.parent / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(program(name), config, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def listening(port: int) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return probe


async def send(url: str, **query: str) -> None:
    login = {"username": "tester", "password": "tester", "from": "14085559876", "to": "919876543210"}
    async with aiohttp.ClientSession() as http, http.get(url, params=login | query) as answer:
        assert answer.status == 202, await answer.text()


async def test_a_text_with_its_tlvs_and_receipt(smsc: Smsc, send_url: str, hook: Receiver) -> None:
    await send(
        send_url,
        text="Hello",
        **{
            "dlr-mask": "3",
            "dlr-url": hook.url("/dlr") + "?type=%d",
            "meta-data": "?smpp?PE_ID=1101456789012345678&Template_ID=1107123456789012345",
        },
    )
    (submit,) = await smsc.submitted(1)
    assert (submit.message.content, submit.message.destination.value) == (b"Hello", "919876543210")
    assert submit.message.tlvs[0x1400] == b"1101456789012345678"
    assert submit.message.tlvs[0x1401] == b"1107123456789012345"
    assert submit.message.registered_delivery & 1
    text = "id:1001 sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 stat:DELIVRD err:000 text:Hello"
    assert await smsc.deliver(text) == 0
    (told,) = await hook.wait(1)
    assert told.target.endswith("type=1")


async def test_a_long_text_comes_in_parts_that_read_as_one(smsc: Smsc, send_url: str) -> None:
    text = "All of 160 characters and more. " * 8
    await send(send_url, text=text)
    submits = await smsc.submitted(2)
    read = [coding.read(submit.message, "gsm") for submit in submits]
    assert "".join(part for part, _ in read) == text
    assert [(piece.total, piece.number) for _, piece in read if piece] == [(2, 1), (2, 2)]


async def test_a_text_that_comes_in(smsc: Smsc, send_url: str, hook: Receiver) -> None:
    assert await smsc.deliver("STOP", esm_class=0) == 0
    (told,) = await hook.wait(1)
    assert "text=STOP" in told.target


async def test_enquire_link_is_answered(smsc: Smsc, send_url: str) -> None:
    assert await smsc.answered(smsc.send(pdu.Pdu(pdu.ENQUIRE_LINK, 0, 0))) == 0
