# How a dialplan's names are read, and what the settings may say.

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.dialplan import Dialplan, line_of, split
from aftercall.sources.asterisk.facts import EVENTS, facts
from aftercall.sources.asterisk.marks import MESSAGE, RECORDING, TYPE
from aftercall.sources.asterisk.message import read
from aftercall.sources.asterisk.records import CELS
from aftercall.sources.asterisk.transfers import elder
from aftercall.sources.numbering import Entry
from tests.sources.asterisk.captures import DIALPLAN, NOW

DOCS = Path(__file__).parents[3] / "docs" / "sources" / "asterisk.md"


def plan(**settings: Any) -> Dialplan:
    return Dialplan.of(
        Source(id="s", account_id="a", settings={"dialplan": settings}, created_at=NOW, updated_at=NOW)
    )


def told(**fields: str) -> list[Fact]:
    head = {"Uniqueid": "1.1", "Linkedid": "1.1", "Timestamp": "1795168800.000001"}
    frame = "\r\n".join(f"{name}: {value}" for name, value in (head | fields).items())
    return facts(read(frame.encode()), DIALPLAN, NOW)


@pytest.mark.parametrize(
    ("channel", "technology", "name", "half"),
    [
        ("PJSIP/101-0000001a", "PJSIP", "101", None),
        ("PJSIP/my-trunk-0000001a", "PJSIP", "my-trunk", None),
        ("Local/101@from-queue-0000001a;2", "Local", "101@from-queue", 2),
        ("PJSIP/101", "PJSIP", "101", None),
        ("nonsense", None, "", None),
        (None, None, "", None),
    ],
)
def test_channel_when_split(channel: str | None, technology: str | None, name: str, half: int | None) -> None:
    assert split(channel) == (technology, name, half)


def test_line_when_local_has_its_pair() -> None:
    line = line_of("Local/101@agents-0000001a;1", first=True)
    assert (line.pair, line.half, line.first) == ("Local/101@agents-0000001a", 1, True)


@pytest.mark.parametrize(
    ("channel", "agent"),
    [
        ("PJSIP/101-0000001a", "101"),
        ("SIP/desk/102-0000001a", "102"),
        ("PJSIP/carrier-0000001a", None),
        ("PJSIP/1010-0000001a", None),
        ("Local/asha@agents-0000001a;1", "asha"),
        ("Local/101@elsewhere-0000001a;1", None),
        ("Local/101@queue-agent/n", "101"),
        ("Local/101@from-internal-0000001a;1", "101"),
        ("Local/447700900456@from-internal-0000001a;1", None),
    ],
)
def test_agent_when_told_by_the_channel(channel: str, agent: str | None) -> None:
    found = DIALPLAN.agent_of(channel)
    assert (found.id if found else None) == agent


@pytest.mark.parametrize(
    ("context", "channel", "extension", "entry"),
    [
        ("from-trunk", "PJSIP/carrier-00000001", "442079460101", "inbound"),
        ("from-internal", "PJSIP/101-00000001", "447700900456", "outbound"),
        ("from-internal", "PJSIP/101-00000001", "102", "internal"),
        ("somewhere", "PJSIP/101-00000001", "447700900456", "outbound"),
        ("somewhere", "PJSIP/other-00000001", "5", "inbound"),
        ("somewhere", "PJSIP/101-00000001", "442079460199", "inbound"),
        ("somewhere", "PJSIP/101-00000001", "+442079460199", "inbound"),
        ("somewhere", "PJSIP/101-00000001", "442079460198", "inbound"),
        ("somewhere", "PJSIP/101-00000001", None, "outbound"),
    ],
)
def test_entry_when_somebody_calls(context: str, channel: str, extension: str, entry: Entry) -> None:
    assert (
        plan(agents=r"10\d", numbers=["442079460199", "+442079460198"]).entry(context, channel, extension)
        == entry
    )


@pytest.mark.parametrize("settings", [{"agents": "("}, {"inbound_contexts": "x"}, {"inbound_context": ["x"]}])
def test_settings_when_not_understood(settings: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        plan(**settings)
    assert caught.value.errors[0].field == "settings.dialplan"


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\d+)+x", r"(a|a)*x", r"(?:\d{1,9})*", r"\d*\d*\d*x", r"(a?){30}", "a?" * 30, r"(\d)\1", r"(?=\d)1",
        r"\d{1,80}\d{1,80}\d{1,80}", "1" * 501, r"[(]+)+",
    ],
)  # fmt: skip
def test_pattern_when_it_could_take_for_ever(pattern: str) -> None:
    with pytest.raises(Invalid):
        plan(agents=pattern)
    with pytest.raises(Invalid):
        plan(bots=pattern)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"10\d", "101"), (r"\d{2,6}", "123456"), (r"(?:10|20)\d|bot-.*", "bot-ava"), (r"[a-z]+-\d+", "desk-7"),
        (r"2[0-4]\d{2}(-mobile)?", "2001-mobile"), (r"\(\)*", "())"), (r"[])*+?]{1,3}", "]*"),
    ],
)  # fmt: skip
def test_pattern_when_it_is_what_operators_write(pattern: str, name: str) -> None:
    assert plan(agents=pattern).is_agent(name)


def test_settings_when_others_are_beside_them() -> None:
    source = Source(id="s", account_id="a", settings={"host": "pbx"}, created_at=NOW, updated_at=NOW)
    assert Dialplan.of(source) == Dialplan()


def test_settings_when_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    names = [field.name for field in msgspec.structs.fields(Dialplan) if field.name != "direction"]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_eventfilter_when_pasted_lets_pass_what_is_read() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in EVENTS if f"eventfilter(name({name})" not in text] == []
    variables = re.findall(r"name\(VarSet\),header\(Variable\),method\(starts_with\)\) = (\w+)", text)
    assert sorted(variables) == sorted([MESSAGE, RECORDING, TYPE])


def test_cel_conf_when_pasted_tells_what_is_read() -> None:
    [events] = re.findall(r"(?m)^events = (.*)$", DOCS.read_text(encoding="utf-8"))
    assert set(events.split(",")) == {*CELS, "USER_DEFINED"}


@pytest.mark.parametrize(
    ("keys", "lives"),
    [
        (["1795168111.150", "1795168108.148"], "1795168108.148"),
        (["pbx1-1795168108.10", "pbx1-1795168108.9"], "pbx1-1795168108.9"),
        (["my-own-id", "1795168108.148"], "my-own-id"),
    ],
)
def test_linkedid_when_two_become_one(keys: list[str], lives: str) -> None:
    assert elder(keys) == lives


@pytest.mark.parametrize(
    "fields",
    [
        {"Event": "Newexten", "Application": "NoOp", "Context": "ivr-main"},
        {"Event": "Newexten", "Application": "BackGround", "Context": "other"},
        {"Event": "VarSet", "Variable": "DIALSTATUS", "Value": "ANSWER"},
        {"Event": "VarSet", "Variable": "MIXMONITOR_FILENAME", "Value": ""},
        {"Event": "DTMFEnd", "Digit": "1", "Direction": "Sent"},
        {"Event": "CEL", "EventName": "CHAN_START"},
        {"Event": "DialEnd", "DestUniqueid": "1.2", "DestLinkedid": "1.1", "DialStatus": "CONTINUE"},
        {"Event": "QueueCallerAbandon", "Queue": "support"},
        {"Event": "BridgeEnter"},
        {"Event": "BridgeEnter", "BridgeUniqueid": "b", "Channel": "CBAnn/900-00000001;2"},
        {"Event": "Hangup", "Linkedid": "<unknown>"},
        {"Event": "Hangup", "Uniqueid": "<unknown>"},
        {"Event": "AttendedTransfer", "Result": "Fail"},
        {"Event": "Cdr"},
        {},
    ],
)
def test_message_when_it_says_nothing_about_a_call(fields: dict[str, str]) -> None:
    assert told(**fields) == []


def test_variable_when_the_operator_wants_it() -> None:
    wanted = plan(variables={"CAMPAIGN": "campaign"})
    frame = b"Event: VarSet\nUniqueid: 1.1\nLinkedid: 1.1\nVariable: __CAMPAIGN\nValue: autumn"
    [fact] = facts(read(frame), wanted, NOW)
    assert fact.data.custom_fields == {"campaign": "autumn"}


def test_user_event_when_the_dialplan_tells_of_fields() -> None:
    [fact] = told(Event="UserEvent", UserEvent="AfterCallSet", Order="4711", Uniqueid="1.1")
    assert fact.data.custom_fields == {"order": "4711"}


@pytest.mark.parametrize(
    ("event", "key", "kind"),
    [
        ("AfterCallIVR", "Ivr", "call.ivr_answered"),
        ("AfterCallDepartment", "Department", "call.department_entered"),
        ("AfterCallAutoAttendant", "AutoAttendant", "call.auto_attendant_entered"),
    ],
)
def test_user_event_when_the_dialplan_tells_of_a_place(event: str, key: str, kind: str) -> None:
    [fact] = told(Event="UserEvent", UserEvent=event, **{f"{key}Id": "7", f"{key}Name": "Sales"})
    named = fact.data.ivr or fact.data.queue or fact.data.auto_attendant
    assert (fact.kind, named and (named.id, named.name)) == (kind, ("7", "Sales"))
