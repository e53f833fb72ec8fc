"""The email channel against a real server: what every answer means, and when a mail is in doubt (S7)."""

import asyncio

import pytest

from aftercall.channels.email.smtp import Smtp
from aftercall.domain.delivery import Outcome
from aftercall.domain.message import Email
from aftercall.net.door import Door, DoorRules
from tests.channels.email.conftest import NOW, REFERENCE, connection, email, send
from tests.support.mailserver import TAKEN, MailServer, Scripted

HELLO = ("220 mail.test", "250 mail.test")


async def test_a_mail_that_is_taken(smtp: Smtp) -> None:
    async with MailServer() as server:
        outcome = await send(smtp, connection(server.port))
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("calls@example.com", ["ann@example.org"])
    assert mail.message["subject"] == "Missed call from +14085551234"
    assert mail.message.get_content() == "Hello\r\n"
    assert outcome == Outcome(
        ok=True, status_code=250, response_body=TAKEN, request_url=f"smtp://127.0.0.1:{server.port}",
        address="127.0.0.1", latency=outcome.latency, provider_ids=(f"<{REFERENCE}@example.com>",),
    )  # fmt: skip
    assert 0 < outcome.latency < 5


@pytest.mark.parametrize(
    ("command", "answer", "error", "retry", "suppress"),
    [
        ("RCPT", "550 5.1.1 <ann@example.org>: user unknown", "invalid_recipient", False, True),
        ("RCPT", "550 No such user here", "invalid_recipient", False, True),
        ("RCPT", "450 4.2.1 mailbox busy", "unavailable", True, False),
        ("RCPT", "552 5.2.2 over quota", "unreachable", True, False),
        ("RCPT", "554 5.7.1 <ann@example.org>: Relay access denied", "config", False, False),
        ("RCPT", "550 5.7.1 blocked, see our list", "blocked", False, False),
        ("RCPT", "451 4.7.1 greylisted", "throttled", True, False),
        ("MAIL", "553 5.7.1 not your address", "sender", False, False),
        ("MAIL", "530 5.7.0 authentication required", "credentials", False, False),
        ("DATA", "554 5.7.1 spam", "filtered", False, False),
        ("DATA", "550 5.7.26 DMARC", "sender", False, False),
        ("DATA", "451 4.3.0 try later", "unavailable", True, False),
    ],
)
async def test_a_refusal_means(
    smtp: Smtp, command: str, answer: str, error: str, *, retry: bool, suppress: bool
) -> None:
    async with MailServer() as server:
        server.answers[command] = answer
        outcome = await send(smtp, connection(server.port))
    assert (outcome.ok, outcome.error, outcome.retry) == (False, error, retry)
    assert (outcome.suppress, outcome.in_doubt) == (suppress, False)
    assert (outcome.status_code, outcome.response_body) == (int(answer[:3]), answer)
    assert server.mails == []


async def test_the_code_that_admins_look_up_is_the_enhanced_one(smtp: Smtp) -> None:
    async with MailServer() as server:
        server.answers["RCPT"] = "550 5.1.1 unknown"
        outcome = await send(smtp, connection(server.port))
    assert outcome.provider_code == "5.1.1"
    assert outcome.detail == (
        "there is no such mailbox (the server answered 550 5.1.1 while naming the recipient)"
    )


async def test_one_bad_recipient_spoils_nobody_elses_mail(smtp: Smtp) -> None:
    async with MailServer() as server:
        server.answers["RCPT:bad@example.org"] = "550 5.1.1 unknown"
        to = connection(server.port)
        told = [await send(smtp, to, email(to=name)) for name in ("a@x.test", "bad@example.org", "b@x.test")]
    assert [outcome.ok for outcome in told] == [True, False, True]
    assert (server.connections, server.resets) == (1, 1)


@pytest.mark.parametrize(
    "script",
    [
        (),
        ("220 hi",),
        ("220 hi", "250 hi"),
        (*HELLO, "250 ok"),
        (*HELLO, "250 ok", "250 ok"),
    ],
)
async def test_a_connection_lost_before_the_mail_has_gone_is_worth_another_try(
    smtp: Smtp, script: tuple[str, ...]
) -> None:
    async with Scripted(*script) as server:
        outcome = await send(smtp, connection(server.port))
    assert (outcome.ok, outcome.error, outcome.retry, outcome.in_doubt) == (False, "protocol", True, False)


async def test_a_connection_lost_amid_the_mail_is_worth_another_try(smtp: Smtp) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in (*HELLO, "250 ok", "250 ok", "354 go"):
            writer.write(line.encode() + b"\r\n")
            await reader.readline()
        await reader.readexactly(1000)
        writer.transport.abort()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    large = email(text="0123456789" * 800_000)
    outcome = await send(smtp, connection(server.sockets[0].getsockname()[1]), large)
    server.close()
    assert (outcome.ok, outcome.retry, outcome.in_doubt) == (False, True, False)


@pytest.mark.parametrize("last", [None, "hello", "150 what"])
async def test_a_mail_that_was_given_without_a_readable_answer_is_in_doubt(
    smtp: Smtp, last: str | None
) -> None:
    async with Scripted(*HELLO, "250 ok", "250 ok", "354 go", last) as server:
        outcome = await send(smtp, connection(server.port))
    assert server.heard[-1].endswith(b"\r\n.\r\n") or last is not None
    assert (outcome.ok, outcome.retry, outcome.in_doubt) == (False, False, True)
    assert outcome.detail.startswith("the server was given the mail and did not say whether it took it: ")


async def test_a_server_that_thinks_too_long_leaves_the_mail_in_doubt(smtp: Smtp) -> None:
    async with MailServer() as server:
        server.before_answer = asyncio.Event().wait
        outcome = await send(smtp, connection(server.port, timeout_seconds=0.3, answer_seconds=1))
    assert (outcome.error, outcome.in_doubt, outcome.retry) == ("timeout", True, False)
    assert "no answer within 1 s" in outcome.detail
    assert outcome.latency > 0.9


async def test_a_server_has_more_time_for_the_mail_than_for_the_rest(smtp: Smtp) -> None:
    async with MailServer() as server:
        asked = asyncio.Event()
        server.before_answer = asked.wait
        asyncio.get_running_loop().call_later(0.5, asked.set)
        outcome = await send(smtp, connection(server.port, timeout_seconds=0.2))
    assert outcome.ok


@pytest.mark.parametrize("script", [("220 hi", None), (*HELLO, "250 ok", None)])
async def test_silence_before_the_mail_is_worth_another_try(
    smtp: Smtp, script: tuple[str | None, ...]
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in script:
            if line is not None:
                writer.write(line.encode() + b"\r\n")
            await reader.readline()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    outcome = await send(smtp, connection(server.sockets[0].getsockname()[1], timeout_seconds=0.2))
    server.close()
    assert (outcome.error, outcome.retry, outcome.in_doubt) == ("timeout", True, False)
    assert outcome.detail.startswith("no answer within 0.2 s while ")


@pytest.mark.parametrize(
    ("greeting", "error", "retry"),
    [
        ("554 5.7.1 your address is on a list", "blocked", False),
        ("421 4.3.2 not now", "unavailable", True),
        ("hello there", "protocol", True),
    ],
)
async def test_a_greeting_that_is_none(smtp: Smtp, greeting: str, error: str, *, retry: bool) -> None:
    async with Scripted(greeting) as server:
        outcome = await send(smtp, connection(server.port))
    assert (outcome.ok, outcome.error, outcome.retry) == (False, error, retry)


async def test_nobody_listens(smtp: Smtp) -> None:
    async with MailServer() as gone:
        port = gone.port
    outcome = await send(smtp, connection(port))
    assert (outcome.error, outcome.retry, outcome.in_doubt) == ("connect", True, False)


async def test_the_doors_rules_hold_for_mail() -> None:
    door = Door(DoorRules())
    async with MailServer() as server:
        outcome = await Smtp(door).send(connection(server.port), email(), REFERENCE, None, NOW)
    await door.close()
    assert (outcome.error, server.connections) == ("address_refused", 0)


async def test_settings_that_are_not_valid_are_a_named_failure(smtp: Smtp) -> None:
    outcome = await send(smtp, connection(25, from_address="nobody"))
    assert (outcome.error, outcome.retry) == ("config", False)
    assert "from_address: the address has no @" in outcome.detail


@pytest.mark.parametrize(
    ("what", "error"),
    [
        (email(to="no address"), "invalid_recipient"),
        (email(to=""), "invalid_recipient"),
        (email(text="x" * 11_000_000), "content"),
    ],
    ids=["malformed", "nobody", "large"],
)
async def test_a_mail_that_cannot_be_sent_is_a_named_failure(smtp: Smtp, what: Email, error: str) -> None:
    async with MailServer() as server:
        outcome = await send(smtp, connection(server.port), what)
    assert (outcome.ok, outcome.error, outcome.retry, server.connections) == (False, error, False, 0)


async def test_an_answer_that_is_no_text_can_be_kept(smtp: Smtp) -> None:
    async with Scripted(*HELLO, "250 ok", "550 5.1.1 inconnu \xe9\0") as server:
        outcome = await send(smtp, connection(server.port))
    assert outcome.response_body == "550 5.1.1 inconnu \ufffd\ufffd"


async def test_a_line_that_begins_with_a_dot_arrives(smtp: Smtp) -> None:
    text = ".\r\n..\r\n.hidden\r\n\r\n.\r\nQUIT\r\n"
    async with MailServer() as server:
        assert (await send(smtp, connection(server.port), email(text=text))).ok
    assert server.mails[0].message.get_content() == text


async def test_a_large_mail_arrives_whole(smtp: Smtp) -> None:
    text = "".join(f"line {n}\r\n" for n in range(200_000))
    async with MailServer() as server:
        assert (await send(smtp, connection(server.port, timeout_seconds=20), email(text=text))).ok
    assert server.mails[0].message.get_content() == text


async def test_no_extension_is_needed(smtp: Smtp) -> None:
    async with MailServer(decode_data=True, data_size_limit=None) as server:  # neither 8BITMIME nor SIZE
        assert (await send(smtp, connection(server.port), email(text="Grüße, 你好"))).ok
    assert server.mails[0].message.get_content() == "Grüße, 你好\r\n"


async def test_a_server_with_pipelining_is_served(smtp: Smtp) -> None:
    async with MailServer() as server:
        server.extensions = ["PIPELINING", "ENHANCEDSTATUSCODES"]
        assert (await send(smtp, connection(server.port))).ok


async def test_the_size_is_announced(smtp: Smtp) -> None:
    async with MailServer() as server:
        await send(smtp, connection(server.port))
    assert server.mails[0].options == [f"SIZE={len(server.mails[0].raw)}"]
