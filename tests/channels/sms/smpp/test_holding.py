# Binds that are kept (S3): made, refused, lost, made again, changed, let go of.

import asyncio
from pathlib import Path

import msgspec
import pytest

from aftercall.channels.sms.smpp import Waits, pdu, smpp
from aftercall.domain.errors import Invalid
from tests.channels.sms.smpp.rig import connection, rig
from tests.support.certificates import Authority
from tests.support.server import free_port
from tests.support.smsc import Answer, Smsc
from tests.support.wait import until


async def test_a_lost_connection_is_made_again() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        for number in (2, 3):
            smsc.cut()

            async def again(wanted: int = number) -> bool:
                return smsc.logins == wanted

            await until(again)
        await home.in_state("connected")
        assert smsc.most == 1
        assert (await home.send()).ok


async def test_an_smsc_that_unbinds_is_answered_and_bound_again() -> None:
    async with Smsc() as smsc, rig(smsc.port):
        assert await smsc.answered(smsc.send(pdu.Pdu(pdu.UNBIND, 0, 0))) == 0

        async def again() -> bool:
            return smsc.logins == 2

        await until(again)


async def test_a_text_waits_for_a_connection_that_is_being_made() -> None:
    async with Smsc() as smsc, rig(smsc.port, bound=False) as home:
        assert (await home.send()).ok


async def test_a_text_without_a_connection_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp, "COMING", 0.1)
    async with rig(free_port(), bound=False, waits=Waits(first=30, longest=30)) as home:

        async def failed() -> bool:
            status = home.smpp.status("con_1")
            return status is not None and status.error is not None

        await until(failed)
        outcome = await home.send()
        assert (outcome.ok, outcome.error, outcome.retry, outcome.in_doubt) == (False, "connect", True, False)
        assert "not connected to the SMSC: the connection was not accepted" in outcome.detail


async def test_a_refused_bind_is_shown_and_not_hammered() -> None:
    async with Smsc() as smsc, rig(smsc.port, bound=False, password="wrong", waits=Waits(refused=60)) as home:
        status = await home.in_state("refused")
        assert status.error == "the SMSC refuses the bind (0x0000000E): wrong password"
        outcome = await home.send()
        assert (outcome.error, outcome.retry, outcome.in_doubt) == ("credentials", True, False)
        assert (len(smsc.binds), smsc.submits) == (1, [])


async def test_a_bind_that_is_refused_for_the_moment_is_tried_again() -> None:
    async with Smsc() as smsc, rig(smsc.port, bound=False, waits=Waits(0.05, 0.1, 60)) as home:
        smsc.bind_status = 0x08

        async def tried() -> bool:
            return len(smsc.binds) >= 2

        await until(tried)
        smsc.bind_status = None
        await home.in_state("connected")


@pytest.mark.slow
async def test_a_bind_without_an_answer_is_given_up() -> None:
    async with Smsc() as smsc:
        smsc.mute = True
        async with rig(smsc.port, bound=False, response_timeout=1) as home:

            async def given_up() -> bool:
                status = home.smpp.status("con_1")
                return status is not None and "no answer to the bind" in (status.error or "")

            await until(given_up)
            smsc.mute = False
            await home.in_state("connected")


async def test_settings_that_make_no_sense_are_shown() -> None:
    async with rig(1, bound=False, receipt_timezone="Mars/Olympus") as home:
        status = await home.in_state("refused")
        assert "receipt_timezone" in (status.error or "")


async def test_a_changed_password_binds_anew_after_unbinding() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        changed = msgspec.structs.replace(
            home.connection, settings=home.connection.settings | {"system_type": "x"}
        )
        await home.smpp.keep([changed])

        async def again() -> bool:
            return smsc.logins == 2

        await until(again)
        assert smsc.most == 1
        assert pdu.UNBIND in [one.command for one in smsc.received]
        assert smsc.binds[1].system_type == "x"


async def test_a_changed_name_keeps_the_session() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        changed = msgspec.structs.replace(home.connection, name="Another", rate_limit=5.0)
        await home.smpp.keep([changed])
        assert (await home.send()).ok
        assert smsc.logins == 1


async def test_what_is_not_to_be_kept_is_unbound() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        await home.smpp.keep([msgspec.structs.replace(home.connection, status="paused")])

        async def gone() -> bool:
            return smsc.sessions == 0

        await until(gone)
        assert home.smpp.status("con_1") is None
        outcome = await home.send()
        assert (outcome.error, outcome.retry) == ("unavailable", True)


async def test_stopping_waits_for_the_answers_to_come() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(delay=0.5)
        sending = asyncio.create_task(home.send())
        await smsc.submitted(1)
        await home.smpp.stop()
        assert (await sending).ok
        assert smsc.received[-1].command == pdu.UNBIND


async def test_tls_is_spoken_and_certificates_are_checked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with Smsc(tls=authority.context()) as smsc:
        async with rig(smsc.port, tls=True, ca_file=authority.ca_file) as home:
            assert (await home.send()).ok
        async with rig(smsc.port, tls=True, bound=False) as home:

            async def failed() -> bool:
                status = home.smpp.status("con_1")
                return status is not None and "certificate" in (status.error or "")

            await until(failed)


async def test_a_login_can_be_tried_without_sending() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        assert await home.smpp.probe(home.connection) == "bound at the moment"
        other = msgspec.structs.replace(home.connection, id="con_2")
        assert await home.smpp.probe(other) == "the SMSC accepts the login, as transceiver"
        with pytest.raises(Invalid, match="wrong password"):
            await home.smpp.probe(msgspec.structs.replace(other, secrets={"password": "wrong"}))
        closed = home.connection.settings | {"port": free_port()}
        with pytest.raises(Invalid, match="not accepted"):
            await home.smpp.probe(msgspec.structs.replace(other, settings=closed))
        assert (smsc.logins, smsc.submits) == (2, [])


async def test_the_password_stands_nowhere() -> None:
    made = connection(1, password="top-secret-word")
    async with rig(1, bound=False) as home:
        await home.smpp.keep([made])
        assert "top-secret-word" not in str(home.smpp.status("con_1"))
