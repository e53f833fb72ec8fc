"""Encryption and login (S7): the certificate is always checked, and a password is shown to nobody else."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Invalid
from tests.channels.email.conftest import connection, send
from tests.support.certificates import DAY, Authority
from tests.support.mailserver import MailServer, Scripted

PASSWORD = "s3cret-of-tests"


def with_login(port: int, password: str = PASSWORD, **more: Any) -> Connection:
    return connection(port, username="calls@example.com", secrets={"password": password}, **more)


@pytest.fixture
async def starttls(authority: Authority) -> AsyncIterator[MailServer]:
    context = authority.context(["mail.test", "127.0.0.1"])
    async with MailServer(
        context, require_starttls=True, auth_required=True, auth_require_tls=True
    ) as server:
        yield server


async def test_starttls_then_login(smtp: Smtp, starttls: MailServer) -> None:
    outcome = await send(smtp, with_login(starttls.port, host="mail.test", security="starttls"))
    assert outcome.ok
    assert (len(starttls.mails), starttls.logins) == (1, ["PLAIN"])


async def test_tls_from_the_first_byte(smtp: Smtp, authority: Authority) -> None:
    async with MailServer(authority.context(["mail.test"]), implicit=True) as server:
        outcome = await send(smtp, connection(server.port, host="mail.test", security="tls"))
    assert (outcome.ok, len(server.mails)) == (True, 1)


async def test_an_address_in_place_of_a_name_is_checked_too(smtp: Smtp, starttls: MailServer) -> None:
    assert (await send(smtp, with_login(starttls.port, security="starttls"))).ok


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("flaw", "detail"),
    [
        ({"names": ["elsewhere.test"]}, "the certificate is for another host name"),
        ({"names": ["mail.test"], "valid_for": timedelta(0) - DAY}, "the certificate has expired"),
        ({"names": ["mail.test"], "self_signed": True}, "the certificate is self-signed"),
    ],
    ids=["name", "expired", "self-signed"],
)
async def test_a_bad_certificate_stops_the_login(
    smtp: Smtp, authority: Authority, security: str, flaw: dict[str, Any], detail: str
) -> None:
    async with MailServer(authority.context(**flaw), implicit=security == "tls") as server:
        outcome = await send(smtp, with_login(server.port, host="mail.test", security=security))
    assert (outcome.error, outcome.detail, outcome.retry) == ("tls", detail, True)
    assert (server.logins, server.mails) == ([], [])


async def test_a_server_without_starttls_gets_no_password(smtp: Smtp) -> None:
    async with MailServer() as server:
        outcome = await send(smtp, with_login(server.port, security="starttls"))
    assert (outcome.error, outcome.retry) == ("tls", True)
    assert outcome.detail == "the server does not offer STARTTLS on this port"
    assert server.logins == []


async def test_what_comes_in_clear_with_the_answer_to_starttls_is_not_believed(
    smtp: Smtp, authority: Authority
) -> None:
    async with Scripted(
        "220 hi", "250-hi\r\n250 STARTTLS", "220 go\r\n250-hi\r\n250 AUTH PLAIN", None
    ) as server:
        outcome = await send(smtp, with_login(server.port, security="starttls", timeout_seconds=0.5))
    assert outcome.error == "timeout"  # in the handshake
    assert not any(b"AUTH" in line for line in server.heard)


async def test_a_wrong_password_is_tried_once(smtp: Smtp, starttls: MailServer) -> None:
    outcome = await send(smtp, with_login(starttls.port, "wrong", host="mail.test", security="starttls"))
    assert (outcome.error, outcome.retry, outcome.status_code) == ("credentials", False, 535)
    assert starttls.logins == ["PLAIN"]


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
async def test_login_by(smtp: Smtp, method: str) -> None:
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[method]
    async with MailServer(auth_exclude_mechanism=[other]) as server:
        assert (await send(smtp, with_login(server.port))).ok
    assert server.logins == [method]


async def test_a_server_without_login_is_a_matter_of_settings(smtp: Smtp) -> None:
    async with MailServer(auth_exclude_mechanism=["PLAIN", "LOGIN"]) as server:
        outcome = await send(smtp, with_login(server.port))
    assert (outcome.error, outcome.retry) == ("config", False)
    assert "PLAIN, LOGIN, CRAM-MD5" in outcome.detail


async def test_a_login_that_fails_for_now_is_tried_again(smtp: Smtp) -> None:
    async with Scripted("220 hi", "250-hi\r\n250 AUTH PLAIN", "454 4.7.0 not now") as server:
        outcome = await send(smtp, with_login(server.port))
    assert (outcome.error, outcome.retry) == ("unavailable", True)


async def test_a_password_is_in_no_outcome(smtp: Smtp) -> None:
    coded = base64.b64encode(f"\0calls@example.com\0{PASSWORD}".encode()).decode()
    echo = f"535 5.7.8 wrong: {PASSWORD} {coded}"
    async with Scripted("220 hi", "250-hi\r\n250 AUTH PLAIN", echo) as server:
        outcome = await send(smtp, with_login(server.port))
    assert coded.encode() in server.heard[-1]
    assert PASSWORD not in repr(outcome)
    assert coded not in repr(outcome)


async def test_a_handshake_that_hangs_ends_at_the_deadline(smtp: Smtp) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await send(smtp, connection(port, security="tls", timeout_seconds=0.3))
    server.close()
    assert (outcome.error, outcome.retry) == ("timeout", True)


async def test_a_probe_sends_nothing(smtp: Smtp, starttls: MailServer) -> None:
    told = await smtp.probe(with_login(starttls.port, host="mail.test", security="starttls"))
    assert told == "the server accepts our login"
    assert (starttls.logins, starttls.mails) == (["PLAIN"], [])


async def test_a_probe_says_what_is_wrong(smtp: Smtp, starttls: MailServer) -> None:
    with pytest.raises(Invalid, match="did not accept the user name and password"):
        await smtp.probe(with_login(starttls.port, "wrong", host="mail.test", security="starttls"))
