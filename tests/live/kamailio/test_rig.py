# The rig alone: what a real Kamailio with our aftercall.cfg posts for calls placed by SIPp.

import base64
import os
from typing import Any

import pytest

from tests.live.kamailio.catcher import Catcher
from tests.live.kamailio.rig import HERE, KamailioRig, PlacedCall, missing_packages

pytestmark = [pytest.mark.live, pytest.mark.e2e]

CALLER, CALLEE = "+14085551234", "+14085559876"
Records = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def packages() -> None:
    missing = missing_packages()
    if missing:
        reason = f"not installed: {' '.join(missing)}; see scripts/install-test-packages"
        pytest.fail(reason) if os.environ.get("AFTERCALL_CI") else pytest.skip(reason)


def is_final(method: str) -> Any:
    """Both the CDR and the record of the transaction that ended the call are there, in whatever order."""
    return lambda records: (
        any("start_time" in r for r in records) and any(r.get("method") == method for r in records)
    )


def only(records: Records, **wanted: str) -> dict[str, Any]:
    found = [r for r in records if all(r.get(key) == value for key, value in wanted.items())]
    assert len(found) == 1, (wanted, records)
    return found[0]


def cdr(records: Records) -> dict[str, Any]:
    found = [r for r in records if "start_time" in r]
    assert len(found) == 1, records
    return found[0]


def assert_same_call(records: Records, call: PlacedCall, direction: str = "inbound") -> None:
    for record in records:
        assert record["callid"] == call.call_id
        assert (record["src_user"], record["dst_ouser"], record["dir"]) == (CALLER, CALLEE, direction)
        assert record["from_tag"] == records[0]["from_tag"]


async def test_answered_call_is_posted_from_its_first_ring() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url, "secret-tok_en") as rig:
        call = await rig.place_call("answered", CALLER, CALLEE, talk_seconds=1.0, ring_seconds=0.5)
        records = await catcher.until(is_final("BYE"))

    assert_same_call(records, call)
    created = only(records, event="dialog:created")
    invite = only(records, method="INVITE")
    bye = only(records, method="BYE")
    only(records, event="dialog:start")
    only(records, event="dialog:end")
    assert float(created["time"]) == pytest.approx(call.invited_at.timestamp(), abs=0.1)
    assert call.answered_at is not None
    assert invite["sip_code"] == "200"
    assert invite["time"] == pytest.approx(call.answered_at.timestamp(), abs=0.1)
    assert bye["hangup_by"] == "caller"
    assert bye["time"] == pytest.approx(call.ended_at.timestamp(), abs=0.1)


async def test_answered_calls_cdr_says_it_all() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        call = await rig.place_call("answered", talk_seconds=0.5, ring_seconds=0.5)
        record = cdr(await catcher.until(is_final("BYE")))

    assert call.answered_at is not None
    assert float(record["start_time"]) == pytest.approx(call.invited_at.timestamp(), abs=0.1)
    assert float(record["answered"]) == pytest.approx(call.answered_at.timestamp(), abs=0.1)
    assert float(record["end_time"]) == pytest.approx(call.ended_at.timestamp(), abs=0.1)
    assert float(record["duration"]) == pytest.approx(1.0, abs=0.2)  # ringing counts
    assert (record["final"], record["hangup_by"], record["ended"]) == ("200", "caller", "")


async def test_hang_up_by_the_callee_is_told_from_the_callers() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        call = await rig.place_call("answered", talk_seconds=0.2, hung_up_by="callee")
        records = await catcher.until(is_final("BYE"))

    bye = only(records, method="BYE")
    assert bye["hangup_by"] == cdr(records)["hangup_by"] == "callee"
    assert (
        bye["from_tag"] == cdr(records)["from_tag"].removesuffix("c") + "p"
    )  # its own, with detect_direction=0
    assert bye["time"] == pytest.approx(call.ended_at.timestamp(), abs=0.1)


async def test_busy_call_is_posted_once() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        call = await rig.place_call("busy")
        records = await catcher.until(is_final("INVITE"))

    assert_same_call(records, call)
    invite = only(records, method="INVITE")  # one: the missed flag, which posts it again, is not set
    assert (invite["sip_code"], invite["sip_reason"]) == ("486", "Busy Here")
    assert only(records, event="dialog:failed")["final"] == cdr(records)["final"] == "486"
    assert cdr(records)["duration"] == "0"


async def test_cancelled_call_tells_when_the_caller_gave_up() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        call = await rig.place_call("cancelled", ring_seconds=0.6)
        records = await catcher.until(is_final("INVITE"))

    assert_same_call(records, call)
    only(records, method="CANCEL")
    assert only(records, method="INVITE")["sip_code"] == "487"
    record = cdr(records)
    assert record["start_time"] == record["end_time"]  # Kamailio's: a failed call has no length
    assert float(record["ended"]) == pytest.approx(call.ended_at.timestamp(), abs=0.1)
    assert float(record["ended"]) - float(record["start_time"]) == pytest.approx(0.6, abs=0.2)


async def test_unanswered_call_ends_as_408() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url, ring_out_seconds=1.0) as rig:
        await rig.place_call("no_answer")
        records = await catcher.until(is_final("INVITE"))

    assert only(records, method="INVITE")["sip_code"] == cdr(records)["final"] == "408"


async def test_call_from_the_phone_is_outbound() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        call = await rig.place_call("busy", direction="outbound")
        records = await catcher.until(is_final("INVITE"))

    assert_same_call(records, call, "outbound")


async def test_declined_call_ends_as_603() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        await rig.place_call("rejected")
        records = await catcher.until(is_final("INVITE"))

    assert only(records, method="INVITE")["sip_code"] == cdr(records)["final"] == "603"


async def test_transfer_is_posted_and_the_hold_before_it_is_not() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        call = await rig.place_call("transferred", talk_seconds=0.3)
        records = await catcher.until(is_final("BYE"))

    assert_same_call(records, call)
    only(records, method="INVITE")  # one: the re-INVITE of the hold is none of its business
    refer = only(records, method="REFER")
    assert (refer["sip_code"], refer["refer_to"].partition("@")[0]) == ("202", "sip:+14085550103")


async def test_dialog_that_expires_has_a_cdr_before_its_bye() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url, dialog_seconds=1) as rig:
        call = await rig.place_call("answered", talk_seconds=4.0)
        records = await catcher.until(is_final("BYE"))

    record = cdr(records)
    assert (record["hangup_by"], record["final"]) == ("system", "200")
    assert float(record["end_time"]) < call.ended_at.timestamp() - 1
    assert only(records, method="BYE")["hangup_by"] == "caller"


async def test_token_goes_out_as_basic_at_once() -> None:
    async with Catcher() as catcher, KamailioRig(catcher.url, "secret-tok_en") as rig:
        await rig.place_call("busy")
        await catcher.until(is_final("INVITE"))

    basic = base64.b64encode(b"kamailio:secret-tok_en").decode()
    assert {post.headers["authorization"] for post in catcher.posts} == {f"Basic {basic}"}
    assert {(post.path, post.headers["content-type"]) for post in catcher.posts} == {
        ("/in/src_1", "application/x-ndjson")
    }


async def test_what_is_refused_comes_again_in_order() -> None:
    async with Catcher(refuse=(503, 401)) as catcher, KamailioRig(catcher.url) as rig:
        await rig.place_call("answered", talk_seconds=0.2)
        records = await catcher.until(is_final("BYE"))

    assert [post.answered for post in catcher.posts[:3]] == [503, 401, 200]
    assert catcher.posts[0].records == catcher.posts[1].records == catcher.posts[2].records
    kinds = [r.get("event") or r.get("method") or "cdr" for r in records]
    assert kinds == ["dialog:created", "dialog:start", "INVITE", "dialog:end", "BYE", "cdr"]


async def test_calls_side_by_side_are_kept_apart() -> None:
    import asyncio

    async with Catcher() as catcher, KamailioRig(catcher.url) as rig:
        calls = await asyncio.gather(*(rig.place_call("answered", talk_seconds=0.3) for _ in range(3)))
        records = await catcher.until(lambda records: sum("start_time" in r for r in records) == 3)

    assert {r["callid"] for r in records} == {call.call_id for call in calls}


def test_documentation_shows_the_configuration_that_is_tested_here() -> None:
    page = (HERE.parents[2] / "docs" / "sources" / "kamailio.md").read_text(encoding="utf-8")
    assert (HERE / "aftercall.cfg").read_text(encoding="utf-8") in page
