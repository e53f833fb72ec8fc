"""The same over uvloop, which the server runs on (S7): its transports differ in how they buffer and how they fail."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.delivery import Outcome
from aftercall.domain.message import Email
from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from tests.channels.email.conftest import NOW, REFERENCE, connection, email
from tests.net.conftest import Names
from tests.support.certificates import Authority
from tests.support.mailserver import MailServer, Scripted

HELLO = ("220 mail.test", "250 mail.test", "250 ok", "250 ok")


@contextmanager
def elsewhere(server: MailServer | Scripted) -> Iterator[None]:
    """The server in a thread with a loop of asyncio's own: aiosmtpd's STARTTLS needs it."""
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with server:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def sent(
    server: MailServer | Scripted, mails: list[Email], ca_file: str | None = None, **more: Any
) -> list[Outcome]:
    async def run() -> list[Outcome]:
        rules = DoorRules(addresses=AddressRules(networks("127.0.0.1")), ca_file=ca_file)
        door = Door(rules, Names(mail_test=[["127.0.0.1"]]))
        channel = Smtp(door)
        to = connection(server.port, host="mail.test", **more)
        told = [await channel.send(to, mail, REFERENCE, None, NOW) for mail in mails]
        await channel.close()
        await door.close()
        return told

    with elsewhere(server), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def test_starttls_login_and_a_kept_connection(authority: Authority) -> None:
    server = MailServer(authority.context(["mail.test"]), require_starttls=True, auth_require_tls=True)
    secrets = {"password": server.password}
    told = sent(
        server, [email(), email()], authority.ca_file, security="starttls", username="a", secrets=secrets
    )
    assert [outcome.ok for outcome in told] == [True, True]
    assert (server.connections, len(server.mails)) == (1, 2)


def test_tls_from_the_first_byte(authority: Authority) -> None:
    server = MailServer(authority.context(["mail.test"]), implicit=True)
    (outcome,) = sent(server, [email()], authority.ca_file, security="tls")
    assert outcome.ok


def test_a_bad_certificate(authority: Authority) -> None:
    server = MailServer(authority.context(["other.test"]), implicit=True)
    (outcome,) = sent(server, [email()], authority.ca_file, security="tls")
    assert (outcome.error, outcome.detail) == ("tls", "the certificate is for another host name")


def test_a_large_mail(authority: Authority) -> None:
    server = MailServer(authority.context(["mail.test"]), implicit=True)
    text = "".join(f"line {n}\r\n" for n in range(200_000))
    told = sent(server, [email(text=text)], authority.ca_file, security="tls", timeout_seconds=20)
    assert told[0].ok
    assert server.mails[0].message.get_content() == text


def test_a_connection_lost_after_the_final_dot() -> None:
    (outcome,) = sent(Scripted(*HELLO, "354 go", None), [email()])
    assert (outcome.in_doubt, outcome.retry) == (True, False)


def test_a_connection_lost_before_the_final_dot() -> None:
    (outcome,) = sent(Scripted(*HELLO), [email()])
    assert (outcome.in_doubt, outcome.retry, outcome.error) == (False, True, "protocol")
