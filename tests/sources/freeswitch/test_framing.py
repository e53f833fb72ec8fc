# The event socket's wire: frames whatever the pieces, limits, both formats of events.

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.sources.freeswitch.event import read
from aftercall.sources.freeswitch.framing import MAX_BODY, MAX_HEAD, Decoder, Frame, Garbled
from aftercall.sources.freeswitch.reader import Reader
from tests.sources.freeswitch import scenarios
from tests.sources.freeswitch.pbx import DIALPLAN, NOW, SOURCE, facts, frame, plain_frame

HELLO = b"Content-Type: auth/request\n\n"
OK = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"


@pytest.mark.parametrize("make", scenarios.ALL)
def test_calls_are_read_from_single_bytes(make: object) -> None:
    assert callable(make)
    said = HELLO + OK + make().said
    reader = Reader(SOURCE, DIALPLAN)
    found = [fact for n in range(len(said)) for fact in reader.feed(said[n : n + 1], NOW)]
    assert found == facts(make().said)


@pytest.mark.parametrize("cut", range(1, 160))
def test_frames_are_found_wherever_they_are_cut(cut: int) -> None:
    said = HELLO + frame({"Event-Name": "HEARTBEAT", "text": "Grüße, 世界"}) + OK + OK
    decoder = Decoder()
    found = decoder.feed(said[:cut]) + decoder.feed(said[cut:])
    assert found == Decoder().feed(said)
    assert [one.type for one in found] == ["auth/request", "text/event-json", *["command/reply"] * 2]


def test_plain_events_are_url_encoded() -> None:
    event = {"Event-Name": "CHANNEL_ANSWER", "Caller-Caller-ID-Name": "A: 100% Grüße\nnot a header"}
    [found] = Decoder().feed(plain_frame(event))
    made = read(found)
    assert made is not None
    assert made.get("Caller-Caller-ID-Name") == event["Caller-Caller-ID-Name"]


def test_both_formats_tell_the_same() -> None:
    pbx = scenarios.menu_and_queue()
    assert facts(pbx.plainly) == facts(pbx.said)


def test_names_that_are_no_utf_8_spoil_nothing_else() -> None:
    body = b'{"Event-Name":"CHANNEL_ANSWER","Unique-ID":"a","Caller-Caller-ID-Name":"M\xfcller"}'
    made = read(Frame({"content-type": "text/event-json"}, body))
    assert made is not None
    assert (made.get("Unique-ID"), made.get("Caller-Caller-ID-Name")) == ("a", "M�ller")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"Event-Name":', b"\xff", b"17"])
def test_event_that_is_no_json_is_passed_over(body: bytes) -> None:
    head = b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(body)
    reader = Reader(SOURCE, DIALPLAN)
    assert reader.feed(head + body + scenarios.missed().said, NOW) == facts(scenarios.missed().said)


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: %d\n\n" % (MAX_BODY + 1),
        b"Content-Length: -1\n\n",
        b"Content-Length: 1e3\n\n",
        b"Content-Length: 99999999999999999999\n\n",
        b"A: " + b"x" * MAX_HEAD + b"\n\n",
        b"x" * (MAX_HEAD + 1),
    ],
)
def test_what_is_too_large_or_has_no_length_is_refused(said: bytes) -> None:
    with pytest.raises(Garbled):
        Decoder().feed(said)


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([HELLO, OK, b"\n\n", b"Content-Length: 3\n\n"]))
    )
)
def test_any_bytes_are_cut_the_same_way_whatever_the_pieces(pieces: list[bytes]) -> None:
    assert _frames(pieces) == _frames([b"".join(pieces)]) == _frames([bytes([b]) for b in b"".join(pieces)])


def _frames(pieces: list[bytes]) -> list[Frame]:
    decoder = Decoder()
    found: list[Frame] = []
    with contextlib.suppress(Garbled):
        for piece in pieces:
            found += decoder.feed(piece)
    return found
