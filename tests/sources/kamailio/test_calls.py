# What becomes of captured calls: `posts.jsonl` and `*.txt` are a Kamailio 5.6.3 with configurations other
# than ours (truth.json was measured at the phones), `own_*.ndjson` the one of docs/sources/kamailio.md.

import json
import random
from collections import defaultdict
from typing import Any

import pytest

from aftercall.domain.call import Call
from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from tests.sources.kamailio.test_parse import FIXTURES, parse


def bodies(name: str) -> list[bytes]:
    lines = (FIXTURES / name).read_bytes().splitlines()
    if name.endswith(".ndjson"):
        return lines
    if name.endswith(".jsonl"):
        return [json.loads(line)["body"].encode() for line in lines]
    return [line.partition(b"} ")[2] for line in lines if not line.startswith(b"---")]


def calls(name: str) -> list[Call]:
    """The calls of a capture, with every repeated fact told once, in any order."""
    facts: dict[str, dict[str, Fact]] = defaultdict(dict)
    for body in bodies(name):
        parsed = parse(body)
        assert parsed.errors == ()
        for fact in parsed.facts:
            facts[fact.call_key].setdefault(fact.natural_id, fact)
    made = []
    for told in facts.values():
        shuffled = list(told.values())
        random.Random(7).shuffle(shuffled)
        projection = project(shuffled)
        assert projection == project(list(told.values()))
        made.append(projection.call)
    return made


def call(name: str) -> Call:
    [made] = calls(name)
    return made


def outcome(made: Call) -> tuple[Any, ...]:
    assert made.hangup is not None
    return made.status, made.reason, made.hangup.by


@pytest.mark.parametrize(
    ("name", "expected", "ring", "talk"),
    [
        ("01_answered_caller_hangs_up", ("answered", None, "caller"), 2.0, 5.0),
        ("04_caller_cancels", ("missed", "caller_cancelled", "caller"), 3.0, 0.0),
        ("05_busy_486", ("missed", "busy", None), 0.0, 0.0),
        ("09_http_sink_fails_first", ("answered", None, "callee"), 1.0, 2.0),
    ],
)
def test_call_measured_at_the_phones(name: str, expected: tuple[Any, ...], ring: float, talk: float) -> None:
    made = call(f"{name}.posts.jsonl")
    truth = json.loads((FIXTURES / f"{name}.truth.json").read_text())["legs_measured_at_the_endpoints"][0]
    assert outcome(made) == expected
    assert (made.direction, made.from_, made.to) == ("inbound", "447700900123", "101")
    assert made.started_at is not None
    assert made.ended_at is not None
    assert made.started_at.timestamp() == pytest.approx(truth["invite_at"], abs=0.01)
    assert made.ended_at.timestamp() == pytest.approx(truth["end_at"], abs=0.01)
    assert (made.connected_at is not None) == truth["answered"]
    if made.connected_at is not None:
        assert made.connected_at.timestamp() == pytest.approx(truth["answer_at"], abs=0.01)
        assert (made.connected_at - made.started_at).total_seconds() == pytest.approx(ring, abs=0.05)
        assert (made.ended_at - made.connected_at).total_seconds() == pytest.approx(talk, abs=0.05)
    else:
        assert (made.ended_at - made.started_at).total_seconds() == pytest.approx(ring, abs=0.05)
    assert made.talk_time_seconds == int(talk)


def test_calls_of_a_plain_configuration() -> None:
    answered, busy = calls("answered_and_busy.txt")
    [cancelled] = calls("cancelled.txt")
    assert outcome(answered) == ("answered", None, "caller")
    assert answered.talk_time_seconds == 2
    assert outcome(busy) == ("missed", "busy", None)
    assert outcome(cancelled) == ("missed", "caller_cancelled", "caller")
    assert {c.from_ for c in (answered, busy, cancelled)} == {"+14085551234"}
    assert [c.to for c in (answered, busy, cancelled)] == ["+14085559876", "+14085559999", "+14085558888"]
    assert {json.dumps(c.custom_fields) for c in (answered, busy, cancelled)} == {'{"tenant": "t1"}'}


@pytest.mark.parametrize(
    ("name", "direction", "expected", "duration", "talk"),
    [
        ("answered", "inbound", ("answered", None, "caller"), 7, 5),
        ("answered_callee_hangs_up", "inbound", ("answered", None, "callee"), 3, 2),
        ("busy", "inbound", ("missed", "busy", None), 0, 0),
        ("cancelled", "inbound", ("missed", "caller_cancelled", "caller"), 3, 0),
        ("no_answer", "inbound", ("missed", "no_answer", None), 3, 0),
        ("outbound", "outbound", ("answered", None, "caller"), 4, 4),
        ("rejected", "inbound", ("missed", "rejected", None), 0, 0),
        ("transferred", "inbound", ("answered", None, "caller"), 3, 2),
        ("expired", "inbound", ("answered", None, "caller"), 7, 6),  # and hung up on 4 s later
    ],
)
def test_call_of_our_configuration(
    name: str, direction: str, expected: tuple[Any, ...], duration: int, talk: int
) -> None:
    made = call(f"own_{name}.ndjson")
    assert outcome(made) == expected
    assert (made.direction, made.from_, made.to) == (direction, "+14085551234", "+14085559876")
    assert (made.duration_seconds, made.talk_time_seconds) == (duration, talk)
    assert made.data_quality == ()
    assert made.custom_fields == {}


def test_dialog_that_expires_ends_by_itself_until_its_bye_comes() -> None:
    facts = [fact for body in bodies("own_expired.ndjson")[:-1] for fact in parse(body).facts]
    made = project(facts).call
    assert outcome(made) == ("answered", None, "system")
    assert (made.duration_seconds, made.talk_time_seconds) == (2, 1)


def test_transfer_of_our_configuration_is_in_the_calls_steps() -> None:
    [step] = [step for step in call("own_transferred.ndjson").call_flow if step.type == "transfer"]
    assert (step.name, step.id) == ("blind", "+14085550103")
