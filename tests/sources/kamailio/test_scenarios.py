# Calls no capture shows: records written after the documentation of the acc, acc_json and dialog modules.
# Each is told in any order and twice, as retries do.

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.domain.account import Account
from aftercall.domain.call import Call
from aftercall.domain.errors import Problem
from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from aftercall.engine.enrich import enrich
from aftercall.engine.rows import Settings
from tests.sources.kamailio.test_calls import bodies
from tests.sources.kamailio.test_parse import FIXTURES, parse
from tests.sources.test_bad_values import ODD, check, places

Record = dict[str, Any]

BEGAN = 1795164500.0
CALLER, CALLEE = "+14085551234", "+14085559876"
SETTINGS = Settings(
    account=Account(id="ac_1", name="A", created_at=datetime(2026, 11, 20, tzinfo=UTC)),
    version=1, webhooks=(), sources={}, directory={},
)  # fmt: skip


def acc(method: str, seconds: float, code: int = 200, *, back: bool = False, **more: Any) -> Record:
    """A transaction's record. `back`: the callee sent the request, so From and To have changed places."""
    tags, users = ("a", "b"), (CALLER, CALLEE)
    (from_tag, to_tag), (src, dst) = (tags[::-1], users[::-1]) if back else (tags, users)
    return {
        "time": BEGAN + seconds, "method": method, "from_tag": from_tag, "to_tag": to_tag, "callid": "c1",
        "sip_code": str(code), "sip_reason": "x", "src_user": src, "dst_ouser": dst,
    } | more  # fmt: skip


def cdr(end: float, answered: float | None, **more: Any) -> Record:
    """All of it strings, as acc_json writes them (H17); `duration` counts from the INVITE."""
    record = {
        "start_time": f"{BEGAN:.3f}", "end_time": f"{BEGAN + end:.3f}", "duration": f"{end:.3f}",
        "callid": "c1", "from_tag": "a", "src_user": CALLER, "dst_ouser": CALLEE, "dir": "inbound", "final": "200",
    }  # fmt: skip
    said = {} if answered is None else {"answered": f"{BEGAN + answered:.6f}"}
    return record | said | more


def told(*records: Record) -> Call:
    """The call of these records, the same in any order and however often they are posted."""
    facts: dict[str, Fact] = {}
    for record in records:
        parsed = parse(record)
        assert parsed.errors == ()
        for fact in parsed.facts:
            facts.setdefault(fact.natural_id, enrich(fact, SETTINGS))
    again = {f.natural_id for record in records[::-1] * 2 for f in parse(record).facts}
    assert again == set(facts)
    shuffled = list(facts.values())
    random.Random(5).shuffle(shuffled)
    assert project(shuffled) == project(facts.values())
    return project(facts.values()).call


def seconds(at: datetime | None) -> float | None:
    return None if at is None else round(at.timestamp() - BEGAN, 3)


def test_a_transaction_record_of_each_kind_is_enough_for_an_answered_call() -> None:
    call = told(acc("INVITE", 2), acc("BYE", 7, hangup_by="caller"))
    assert (call.status, call.talk_time_seconds, seconds(call.ended_at)) == ("answered", 5, 7)
    assert call.hangup is not None
    assert call.hangup.by == "caller"


def test_a_missed_call_record_and_its_acc_record_are_one_fact() -> None:
    """acc_flag and acc_missed_flag both set: the same record twice, a few milliseconds apart."""
    call = told(acc("INVITE", 3, 486), acc("INVITE", 3.004, 486), cdr(0, None, final="486"))
    assert (call.status, call.reason, seconds(call.ended_at)) == ("missed", "busy", 3)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(603, "rejected"), (480, "no_answer"), (404, "invalid_number"), (403, "blocked"), (503, "congestion"),
     (500, "failed"), (430, "unavailable")],
)  # fmt: skip
def test_a_failed_call_has_the_reason_of_its_code(code: int, reason: str) -> None:
    call = told(acc("INVITE", 3, code), cdr(0, None, final=str(code), ended=f"{BEGAN + 3}"))
    assert (call.status, call.reason, seconds(call.ended_at)) == ("missed", reason, 3)


def test_a_second_phone_answers_after_the_first_was_missed() -> None:
    """Serial forking with acc_missed_flag: the first branch's failure is recorded, but the call goes on."""
    call = told(acc("INVITE", 5, 408, to_tag="x"), acc("INVITE", 8), acc("BYE", 12), cdr(12, 8))
    assert (call.status, call.reason, seconds(call.connected_at)) == ("answered", None, 8)
    assert call.talk_time_seconds == 4


def test_two_phones_answer_at_once_and_one_is_let_go() -> None:
    """Parallel forking: both 200s reach the caller, who hangs up on one of them at once."""
    call = told(
        acc("INVITE", 2), acc("INVITE", 2.01, to_tag="c"),
        acc("BYE", 2.2, to_tag="c", hangup_by="caller"), acc("BYE", 9, back=True, hangup_by="callee"),
    )  # fmt: skip
    assert (call.status, seconds(call.ended_at), call.talk_time_seconds) == ("answered", 9, 7)
    assert call.hangup is not None
    assert call.hangup.by == "callee"


def test_two_calls_of_one_caller_at_once_are_two_calls() -> None:
    records = [acc("INVITE", 1), acc("INVITE", 2, callid="c2"), acc("BYE", 5, callid="c2"), acc("BYE", 9)]
    keys: dict[str, list[Fact]] = {}
    for fact in parse(records).facts:
        keys.setdefault(fact.call_key, []).append(fact)
    assert {key: project(facts).call.talk_time_seconds for key, facts in keys.items()} == {"c1": 8, "c2": 3}


def test_two_dialogs_under_one_call_id_are_one_call() -> None:
    """Something between us and the phone passes the call on under its Call-ID, with a tag of its own."""
    call = told(cdr(9, 2), cdr(8.9, 2.2, from_tag="z", start_time=f"{BEGAN + 0.1:.3f}"))
    assert (seconds(call.started_at), seconds(call.connected_at), seconds(call.ended_at)) == (0, 2, 9)
    assert call.talk_time_seconds == 7


@pytest.mark.parametrize("back", [False, True])
def test_a_re_invite_is_no_second_answer(back: bool) -> None:
    """Hold and resume: an INVITE within the dialog, sent by either side."""
    records = [acc("INVITE", 2), acc("INVITE", 4, back=back), acc("INVITE", 6, back=back), acc("BYE", 9)]
    assert len({fact.natural_id for record in records for fact in parse(record).facts}) == 2
    assert told(*records).talk_time_seconds == 7


def test_a_re_invite_that_fails_ends_nothing_where_it_can_be_told_apart() -> None:
    call = told(acc("INVITE", 2), acc("INVITE", 4, 488, request_to_tag="b"))
    assert (call.phase, call.ended_at) == ("connected", None)


@pytest.mark.parametrize(
    ("refer_to", "kind", "to"),
    [
        ("sip:+14085550103@192.0.2.1", "blind", "+14085550103"),
        ("<sip:103@192.0.2.1?Replaces=x%3Bto-tag%3Da>", "attended", "103"),
    ],
)
def test_a_refer_that_is_agreed_to_is_a_transfer(refer_to: str, kind: str, to: str) -> None:
    call = told(acc("INVITE", 2), acc("REFER", 6, 202, refer_to=refer_to), acc("BYE", 6.5), cdr(6.5, 2))
    [step] = [step for step in call.call_flow if step.type == "transfer"]
    assert (step.name, step.id, seconds(step.at)) == (kind, to, 6)
    assert (call.status, call.talk_time_seconds) == ("answered", 4)
    refused = told(acc("INVITE", 2), acc("REFER", 6, 603, refer_to=refer_to), acc("BYE", 9))
    assert (refused.call_flow, refused.talk_time_seconds) == ((), 7)


def test_detect_direction_shows_the_dialogs_tags_so_the_numbers_tell_who_hung_up() -> None:
    """With detect_direction=1 the callee's BYE carries the INVITE's tags; its From header is the callee's."""
    swapped = acc("BYE", 7, src_user=CALLEE, dst_ouser=CALLER)
    call = told(acc("INVITE", 2), swapped)
    assert call.hangup is not None
    assert call.hangup.by == "callee"
    without = acc("BYE", 7, back=True, src_user="", dst_ouser="")  # detect_direction=0: the tags tell
    call = told(acc("INVITE", 2), without)
    assert call.hangup is not None
    assert call.hangup.by == "callee"


def test_h4_dialog_that_expires_has_its_end_from_the_cdr() -> None:
    """No BYE and no dialog:end, which was missing in two of four runs: cdr_expired_dlg_enable=1 still tells."""
    call = told(
        {"event": "dialog:start", "time": f"{BEGAN + 2}", "callid": "c1", "from_tag": "a"},
        cdr(62, 2, hangup_by="system"),
    )
    assert (call.status, seconds(call.ended_at)) == ("answered", 62)
    assert call.hangup is not None
    assert call.hangup.by == "system"


def test_h5_cdr_alone_is_a_call() -> None:
    call = told(cdr(7, 2, hangup_by="callee"))
    assert (call.status, call.duration_seconds, call.talk_time_seconds) == ("answered", 7, 5)
    assert call.data_quality == ()


def test_h17_lengths_are_strings_with_a_fraction_and_count_from_the_invite() -> None:
    whole = told(cdr(7.9, 2.0))
    assert (whole.duration_seconds, whole.talk_time_seconds, whole.billable_seconds) == (7, 5, 6)
    assert seconds(told(cdr(7.25, 2.0, end_time="")).ended_at) == 7.25
    assert seconds(told(cdr(7.25, 2.0, start_time="<null>")).started_at) == 0
    assert seconds(told(cdr(7.25, 2.0, end_time="", duration="1e300")).connected_at) == 2.0


@pytest.mark.parametrize(
    "caller", ["anonymous", "sip:anonymous@anonymous.invalid", '"Anonymous" <sip:anonymous@anonymous.invalid>',
               "sip:Restricted@example.com", "+266696687"]
)  # fmt: skip
def test_h22_withheld_caller_is_nobody(caller: str) -> None:
    call = told(cdr(7, 2, src_user=caller))
    assert (call.from_, call.from_presentation) == (None, "anonymous")
    assert call.to == CALLEE


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir() if "truth" not in path.name))
def test_odd_values_in_captured_records_cost_their_field_at_most(name: str) -> None:
    chance = random.Random(name)
    for body in bodies(name):
        record = json.loads(body)
        for _, member in list(places(record)):
            for odd in chance.sample(ODD, 6):
                try:
                    parsed = parse(record | {member: odd})
                except Problem:
                    continue
                check(parsed.facts)
                key = member in {
                    "callid",
                    "call_id",
                    "time",
                    "t",
                    "start_time",
                    "method",
                    "event",
                    "sip_code",
                }
                assert key or not parsed.errors, (member, odd)
