# Our client against npm's smpp as SMSC (S3, S6): a counterpart that shares no code with it.

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aftercall.domain.message import Dlt
from tests.channels.sms.smpp.rig import rig
from tests.support.certificates import Authority
from tests.support.node_smsc import NodeSmsc
from tests.support.smsc import PASSWORD, SYSTEM_ID

pytestmark = pytest.mark.e2e
DLT = Dlt(entity_id="1101456789012345678", template_id="1107123456789012345", chain=("1302", "1303"))


@pytest.fixture
async def smsc() -> AsyncIterator[NodeSmsc]:
    async with NodeSmsc(PASSWORD) as made:
        yield made


async def test_bind_submit_and_unbind(smsc: NodeSmsc) -> None:
    async with rig(smsc.port) as home:
        outcome = await home.send("Hello [you] for 5 €")
        assert (outcome.ok, outcome.provider_ids) == (True, ("1",))
    bind, submit = await smsc.event("bind"), await smsc.event("submit")
    assert (bind["system_id"], bind["version"], bind["ok"]) == (SYSTEM_ID, 0x34, True)
    assert submit["text"] == "Hello [you] for 5 €"
    assert submit["source"] == ["14085559876", 1, 1]
    assert submit["destination"] == ["919876543210", 1, 1]
    assert (submit["data_coding"], submit["registered_delivery"]) == (0, 1)
    await smsc.event("unbind")


async def test_a_wrong_password_is_refused(smsc: NodeSmsc) -> None:
    async with rig(smsc.port, bound=False, password="wrong") as home:
        status = await home.in_state("refused")
        assert "wrong password" in (status.error or "")


async def test_parts_are_read_with_their_header(smsc: NodeSmsc) -> None:
    async with rig(smsc.port) as home:
        text = "नमस्ते 🎉 " * 10
        assert (await home.send(text, encoding="ucs2")).ok
    first, second = await smsc.event("submit"), await smsc.event("submit", 2)
    assert [first["udh"][-4:], second["udh"][-4:]] == ["0201", "0202"]
    assert first["text"] + second["text"] == text


async def test_a_long_text_is_read_as_payload(smsc: NodeSmsc) -> None:
    async with rig(smsc.port, long_messages="payload") as home:
        assert (await home.send("a" * 400)).ok
    assert (await smsc.event("submit"))["payload"] == "a" * 400


async def test_dlt_tlvs_are_read(smsc: NodeSmsc) -> None:
    async with rig(smsc.port) as home:
        assert (await home.send(sender="AFTCAL", sender_kind="dlt_header", dlt=DLT)).ok
    submit = await smsc.event("submit")
    assert submit["source"] == ["AFTCAL", 5, 0]
    assert submit["tlvs"] == {"pe_id": DLT.entity_id, "template_id": DLT.template_id, "tm_chain": "1302,1303"}


async def test_throttling_is_understood(smsc: NodeSmsc) -> None:
    async with rig(smsc.port) as home:
        outcome = await home.send("slow down, please")
        assert (outcome.error, outcome.retry, outcome.provider_code) == ("throttled", True, "0x00000058")


async def test_a_receipt_is_matched_and_acknowledged(smsc: NodeSmsc) -> None:
    async with rig(smsc.port) as home:
        (id_,) = (await home.send()).provider_ids
        text = "id:00000001 sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 stat:DELIVRD err:000 text:"
        smsc.deliver(
            source_addr="919876543210", destination_addr="14085559876", esm_class=4, short_message=text
        )
        assert (await smsc.event("answer"))["status"] == 0
        assert [(one.provider_id, one.status) for one in home.receipts] == [(id_, "delivered")]


async def test_a_receipt_of_tlvs_is_matched(smsc: NodeSmsc) -> None:
    async with rig(smsc.port) as home:
        (id_,) = (await home.send()).provider_ids
        smsc.deliver(
            source_addr="919876543210",
            esm_class=4,
            receipted_message_id="00000001",
            message_state=5,
            short_message="",
        )
        assert (await smsc.event("answer"))["status"] == 0
        assert [(one.provider_id, one.status) for one in home.receipts] == [(id_, "undelivered")]


@pytest.mark.parametrize("text", ["STOP", "रोकें 🛑"])
async def test_a_text_comes_in(smsc: NodeSmsc, text: str) -> None:
    async with rig(smsc.port) as home:
        coding = 0 if text.isascii() else 8
        smsc.deliver(
            source_addr="919876543210",
            source_addr_ton=1,
            destination_addr="55512",
            short_message=text,
            data_coding=coding,
        )
        assert (await smsc.event("answer"))["status"] == 0
        assert [(one.from_, one.to, one.text) for one in home.texts] == [("+919876543210", "55512", text)]


async def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.context()
    (pem,) = [one for one in tmp_path.glob("*.pem") if one.name != "ca.pem"]
    async with NodeSmsc(PASSWORD, pem) as smsc, rig(smsc.port, tls=True, ca_file=authority.ca_file) as home:
        assert (await home.send()).ok
