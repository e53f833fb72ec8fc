# Bytes to messages: whatever the pieces, whatever the line ends, whatever is in them.

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.sources.asterisk import framing
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.message import event_of, read
from aftercall.sources.asterisk.reader import Reader
from tests.sources.asterisk.captures import ALL, DIALPLAN, NOW, facts, stream

BANNER = b"Asterisk Call Manager/11.0.0\r\n"

texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
messages = st.lists(st.tuples(names, texts), min_size=1, max_size=6)
ends = st.sampled_from(["\r\n", "\n"])


def wire(told: list[list[tuple[str, str]]], end: str) -> bytes:
    return "".join("".join(f"{n}: {v}{end}" for n, v in one) + end for one in told).encode()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


@given(st.lists(messages, max_size=5), ends, st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_messages_when_cut_anywhere(
    told: list[list[tuple[str, str]]], end: str, places: list[int], banner: bool
) -> None:
    data = (BANNER if banner else b"") + wire(told, end)
    framer = Framer()
    found = [read(frame) for piece in cut(data, places) for frame in framer.feed(piece)]
    assert len(found) == len(told)
    for message, fields in zip(found, told, strict=True):
        for name, value in fields:
            assert value.strip() in message.all(name)
    assert framer.banner == ("Asterisk Call Manager/11.0.0" if banner and told else None)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_messages_when_anything_comes(data: bytes, places: list[int]) -> None:
    whole, pieces = Framer(), Framer()
    assert whole.feed(data) == [frame for piece in cut(data, places) for frame in pieces.feed(piece)]
    for frame in Framer().feed(data + b"\n\n"):
        read(frame)
        event_of(frame)


@pytest.mark.parametrize("name", ALL)
def test_messages_when_every_byte_comes_alone(name: str) -> None:
    data, framer = stream(name), Framer()
    frames = [frame for i in range(len(data)) for frame in framer.feed(data[i : i + 1])]
    assert frames == Framer().feed(data)
    assert len(frames) > 5


@pytest.mark.parametrize("size", [61, 1448])
def test_facts_when_captures_come_in_pieces(size: int) -> None:
    for name in ALL:
        data, reader = stream(name), Reader(DIALPLAN)
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert [f for piece in pieces for f in reader.feed(piece, NOW)] == facts(name)


def test_message_when_utf8_is_cut() -> None:
    framer, data = Framer(), "Event: X\r\nCallerIDName: Zoë ☎\r\n\r\n".encode()
    found = [frame for byte in data for frame in framer.feed(bytes([byte]))]
    assert read(found[0]).get("CallerIDName") == "Zoë ☎"


def test_message_when_it_is_no_utf8() -> None:
    assert read(b"Event: X\r\nCallerIDName: Zo\xeb").get("calleridname") == "Zo\ufffd"


def test_message_when_a_key_is_repeated() -> None:
    message = read(b"Event: X\r\nChanVariable: A=1\r\nChanVariable: B=2: 3")
    assert message.all("chanvariable") == ["A=1", "B=2: 3"]


def test_message_when_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_MESSAGE", 64)
    framer = Framer()
    found = framer.feed(b"Event: A\r\n\r\nEvent: B\r\nX: ")
    for _ in range(100):
        found += framer.feed(b"x" * 40)
        assert len(framer._buffer) <= 64 + 40
    found += framer.feed(b"\r\n\r\nEvent: C\r\n\r\n")
    assert [event_of(frame) for frame in found] == ["A", "C"]
    assert framer.oversized == 1


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b"Event: Hangup\r\nCause: 16", "Hangup"),
        (b"event: Hangup", "Hangup"),
        (b"Privilege: call,all\r\nEvent: Hangup\r\n", "Hangup"),
        (b"Response: Success\r\nMessage: Event: Hangup", None),
        (b"", None),
    ],
)
def test_event_when_only_the_name_is_read(frame: bytes, event: str | None) -> None:
    assert event_of(frame) == event
