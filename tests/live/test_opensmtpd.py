"""A mail through a real OpenSMTPD into a real mailbox (S7): it arrives intact, an unknown user is refused.

Without TLS: 6.8.0p2, which Debian 12 has, cannot do it with OpenSSL 3
(https://github.com/OpenSMTPD/OpenSMTPD/issues/1171).
"""

import asyncio
import fcntl
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.message import Attachment
from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from tests.channels.email.conftest import NOW, connection, email, send
from tests.net.conftest import Names
from tests.support.programs import program
from tests.support.wait import until

pytestmark = pytest.mark.live

USER = "games"  # OpenSMTPD delivers to users of the system, but not to root
CONFIG = """
listen on 127.0.0.1 port {port} hostname mail.test
action "keep" maildir "{mailbox}"
match from any for domain "mail.test" action "keep"
"""


class OpenSmtpd:
    """In the foreground, configured in `folder`. Its queue and its socket have fixed places: one at a time."""

    def __init__(self, folder: Path) -> None:
        self.mailbox = folder / "mail"
        self.mailbox.mkdir()
        os.chown(self.mailbox, pwd.getpwnam(USER).pw_uid, -1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.config = folder / "smtpd.conf"
        self.config.write_text(CONFIG.format(port=self.port, mailbox=self.mailbox))

    def found(self, message_id: str) -> EmailMessage | None:
        """The queue outlives the process, so there may be mails of earlier runs."""
        for path in self.mailbox.glob("new/*"):
            read = message_from_bytes(path.read_bytes(), policy=default)
            if read["message-id"] == message_id:
                return read
        return None


@pytest.fixture
def folder() -> Iterator[Path]:
    """The mailbox's owner must be able to walk into it."""
    path = Path(tempfile.mkdtemp(prefix="aftercall-opensmtpd-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def opensmtpd(folder: Path) -> AsyncIterator[OpenSmtpd]:
    smtpd = program("smtpd")
    if os.geteuid() != 0:
        pytest.skip("OpenSMTPD starts as root only")
    with (Path(tempfile.gettempdir()) / "aftercall-opensmtpd.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        server = OpenSmtpd(folder)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                smtpd, "-d", "-f", str(server.config), stdout=log, stderr=log
            )
        try:
            await until(lambda: listens(server.port))
            yield server
        finally:
            process.terminate()
            await process.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def smtp(opensmtpd: OpenSmtpd) -> AsyncIterator[Smtp]:
    rules = DoorRules(addresses=AddressRules(networks("127.0.0.1")))
    door = Door(rules, Names(mail_test=[["127.0.0.1"]]))
    channel = Smtp(door)
    yield channel
    await channel.close()
    await door.close()


async def test_a_mail_arrives_intact(opensmtpd: OpenSmtpd, smtp: Smtp) -> None:
    text = ".\r\n" + "Grüße, 你好 😀 " * 30 + "\r\n..\r\nend\r\n"
    mail = email(
        to=f"{USER}@mail.test", to_name="Spiele", subject="Anruf von Jürgen", text=text, html="<p>Grüße</p>",
        attachments=(Attachment("Gespräch.txt", "text/plain", text),), call_id="cl_1",
    )  # fmt: skip
    to = connection(opensmtpd.port, host="mail.test")
    outcome = await smtp.send(to, mail, f"dl_{uuid4().hex}", None, NOW)
    assert outcome.ok, outcome

    async def arrived() -> EmailMessage | None:
        return opensmtpd.found(outcome.provider_ids[0])

    read = await until(arrived)
    assert read["subject"] == "Anruf von Jürgen"
    body = read.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == text.splitlines()
    (attachment,) = read.iter_attachments()
    assert isinstance(attachment, EmailMessage)
    assert attachment.get_filename() == "Gespräch.txt"
    assert attachment.get_content().splitlines() == text.splitlines()


async def test_an_unknown_user_is_no_recipient_for_good(opensmtpd: OpenSmtpd, smtp: Smtp) -> None:
    to = connection(opensmtpd.port, host="mail.test")
    outcome = await send(smtp, to, email(to="nobody-of-this-name@mail.test"))
    assert (outcome.status_code, outcome.error) == (550, "invalid_recipient")
    assert (outcome.suppress, outcome.retry) == (True, False)
