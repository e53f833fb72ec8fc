"""Connections to a mail server are kept, counted and replaced, and no mail suffers from it (S7)."""

import asyncio

import pytest

from aftercall.channels.email import smtp as module
from aftercall.channels.email.smtp import Smtp
from aftercall.domain.message import Email
from tests.channels.email.conftest import NOW, connection, email, send
from tests.support.mailserver import MailServer, Scripted
from tests.support.wait import until

OPENED = ("220 hi", "250 hi")
CARRIED = ("250 ok", "250 ok", "354 go", "250 ok")


async def closed(server: MailServer) -> None:
    async def gone() -> bool:
        return not server.open

    await until(gone)


async def test_a_connection_carries_mail_after_mail(smtp: Smtp) -> None:
    async with MailServer() as server:
        for _ in range(5):
            assert (await send(smtp, connection(server.port))).ok
    assert (server.connections, len(server.mails), server.resets) == (1, 5, 0)


async def test_a_connection_is_let_go_after_so_many_mails(smtp: Smtp) -> None:
    async with MailServer() as server:
        for _ in range(5):
            assert (await send(smtp, connection(server.port, max_messages=2))).ok
    assert server.connections == 3


async def test_an_idle_connection_is_closed_with_a_goodbye(smtp: Smtp) -> None:
    async with MailServer() as server:
        await send(smtp, connection(server.port, idle_seconds=1))
        await closed(server)
        assert server.goodbyes == 1


async def test_connections_are_no_more_than_allowed(smtp: Smtp) -> None:
    async with MailServer() as server:
        busy = [0, 0]

        async def count() -> None:
            busy[0] += 1
            busy[1] = max(busy)
            await asyncio.sleep(0)
            busy[0] -= 1

        server.before_answer = count
        to = connection(server.port, max_in_flight=3)
        outcomes = await asyncio.gather(*(send(smtp, to) for _ in range(20)))
    assert all(outcome.ok for outcome in outcomes)
    assert (server.connections, busy[1]) == (3, 3)


async def test_waiting_for_a_connection_ends_at_the_deadline(smtp: Smtp) -> None:
    async with MailServer() as server:
        arrived, held = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            arrived.set()
            await held.wait()

        server.before_answer = hold
        to = connection(server.port, max_in_flight=1, timeout_seconds=0.3)
        first = asyncio.create_task(send(smtp, to))
        await arrived.wait()
        second = await send(smtp, to)
        held.set()
        assert (await first).ok
    assert (second.error, second.retry, second.in_doubt) == ("timeout", True, False)
    assert second.detail == "no answer within 0.3 s while waiting for a connection"


async def test_a_restarted_server_costs_no_mail_an_attempt(smtp: Smtp) -> None:
    async with MailServer() as server:
        to = connection(server.port)
        assert (await send(smtp, to)).ok
        server.hang_up()
        assert (await send(smtp, to)).ok
    assert server.connections == 2


@pytest.mark.parametrize("farewell", ["421 4.4.2 idle too long", None])
async def test_a_kept_connection_that_ends_at_the_next_mail_is_replaced(
    smtp: Smtp, farewell: str | None
) -> None:
    async with Scripted(*OPENED, *CARRIED, farewell) as server:
        server.then = (*OPENED, *CARRIED, "221 bye")
        to = connection(server.port)
        assert (await send(smtp, to)).ok
        assert (await send(smtp, to)).ok
    assert server.connections == 2


async def test_a_kept_connection_lost_after_the_final_dot_is_in_doubt(smtp: Smtp) -> None:
    async with Scripted(*OPENED, *CARRIED, "250 ok", "250 ok", "354 go", None) as server:
        to = connection(server.port)
        assert (await send(smtp, to)).ok
        outcome = await send(smtp, to)
    assert (outcome.in_doubt, outcome.retry, server.connections) == (True, False, 1)


async def test_a_connection_that_rested_is_asked_first(smtp: Smtp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)
    async with MailServer() as server:
        to = connection(server.port)
        for _ in range(3):
            assert (await send(smtp, to)).ok
    assert (server.connections, server.resets) == (1, 2)


async def test_a_connection_that_has_gone_silent_is_replaced(
    smtp: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)
    monkeypatch.setattr(module, "CHECK", 0.1)
    async with Scripted(*OPENED, *CARRIED, "") as server:  # an empty line is no answer
        server.then = (*OPENED, *CARRIED, "221 bye")
        to = connection(server.port)
        assert (await send(smtp, to)).ok
        assert (await send(smtp, to)).ok
    assert server.connections == 2


async def test_new_settings_mean_a_new_connection(smtp: Smtp) -> None:
    async with MailServer() as server:
        await send(smtp, connection(server.port))
        await send(smtp, connection(server.port, from_name="Acme"))
        await closed_but(server, 1)
    assert (server.connections, server.goodbyes) == (2, 1)


async def closed_but(server: MailServer, number: int) -> None:
    async def so() -> bool:
        return len(server.open) == number

    await until(so)


async def test_two_connections_share_nothing(smtp: Smtp) -> None:
    async with MailServer() as server:
        held = asyncio.Event()
        server.before_answer = held.wait
        slow = asyncio.create_task(send(smtp, connection(server.port, id="cn_slow", max_in_flight=1)))
        async with MailServer() as other:
            assert (await send(smtp, connection(other.port, id="cn_other", max_in_flight=1))).ok
        held.set()
        assert (await slow).ok


async def test_forgetting_a_connection_says_goodbye(smtp: Smtp) -> None:
    async with MailServer() as server:
        await send(smtp, connection(server.port))
        smtp.forget("cn_1")
        await closed(server)
        assert server.goodbyes == 1


async def test_a_mail_given_up_leaves_no_open_connection(smtp: Smtp) -> None:
    async with MailServer() as server:
        arrived = asyncio.Event()

        async def hold() -> None:
            arrived.set()
            await asyncio.Event().wait()

        server.before_answer = hold
        task = asyncio.create_task(send(smtp, connection(server.port)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await closed(server)


async def test_every_attempt_has_the_same_message_id(smtp: Smtp) -> None:
    async def carry(what: Email) -> None:
        await smtp.send(to, what, "dl_7", None, NOW)

    async with MailServer() as server:
        to = connection(server.port, mail_domain="post.example.com")
        await carry(email())
        await carry(email())
    assert {mail.message["message-id"] for mail in server.mails} == {"<dl_7@post.example.com>"}
