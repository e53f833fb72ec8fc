# An answer as its bytes come in, in whatever pieces.

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.net.answer import MAX_HEAD, Answer
from aftercall.net.errors import AnswerError

CAP = 100
PLAIN = b"HTTP/1.1 200 OK\r\nX-A: b \r\nX-Empty:\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
UNCHANGED = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
BARE = PLAIN.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("raw", "status", "body", "reusable"),
    [
        (PLAIN, 200, b"ok", True),
        (BARE, 200, b"ok", True),
        (CHUNKED, 200, b"ok", True),
        (CLOSING, 200, b"ok", False),
        (INTERIM + PLAIN, 200, b"ok", True),
        (INTERIM + INTERIM + EMPTY, 204, b"", True),
        (UNCHANGED, 304, b"", True),
        (OLD, 200, b"ok", False),
        (OLD.replace(b"Content", b"Connection: keep-alive\r\nContent"), 200, b"ok", True),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_answer_is_the_same_in_pieces_of_any_size(
    raw: bytes, status: int, body: bytes, reusable: bool, size: int
) -> None:
    answer = Answer(CAP)
    complete = [answer.feed(raw[n : n + size]) for n in range(0, len(raw), size)]
    assert (complete[-1], any(complete[:-1])) == (True, False)
    assert (answer.status, answer.body, answer.reusable) == (status, body, reusable)
    assert "Link" not in dict(answer.headers)
    assert not answer.truncated


def test_a_folded_header_is_one_line() -> None:
    answer = Answer(CAP)  # RFC 9112, 5.2
    assert answer.feed(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers[0] == ("X", "a b")


def test_headers_come_out_as_text() -> None:
    answer = Answer(CAP)
    answer.feed(PLAIN)
    assert answer.headers == [("X-A", "b"), ("X-Empty", ""), ("Content-Length", "2")]


@pytest.mark.parametrize(
    "rest", [b"H", b"HTTP/1.1 500 No\r\nX: y\r\nContent-Length: 1\r\n\r\nx", EMPTY + EMPTY]
)
def test_what_follows_an_answer_is_not_taken(rest: bytes) -> None:
    for feeds in ([PLAIN + rest], [PLAIN, rest]):
        answer = Answer(CAP)
        for data in feeds:
            assert answer.feed(data)
        assert (answer.status, answer.body, len(answer.headers)) == (200, b"ok", 3)
        assert not answer.reusable


@pytest.mark.parametrize(
    ("raw", "ends"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", False),
        (INTERIM, False),
        (INTERIM + b"HTTP/1.1 200 OK\r\n\r\nok", True),
        (b"", False),
    ],
)
def test_the_end_of_the_connection_ends_an_answer_without_a_length(raw: bytes, ends: bool) -> None:
    answer = Answer(CAP)
    assert not answer.feed(raw)
    assert answer.end() is ends
    assert not answer.reusable


@pytest.mark.parametrize("wrapping", [b"", INTERIM])
def test_a_body_is_cut_at_the_cap(wrapping: bytes) -> None:
    answer = Answer(3)
    assert answer.feed(wrapping + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef")
    assert (answer.body, answer.truncated, answer.reusable) == (b"abc", True, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/2 200\r\n\r\n",
        PLAIN + b" and more that was not announced",
    ],
)
def test_an_answer_that_could_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    with pytest.raises(AnswerError, match="not valid"):
        Answer(CAP).feed(raw)


@pytest.mark.parametrize(
    ("start", "more", "why"),
    [
        (b"", INTERIM, "too large"),
        (b"", b"\r\n", "too large"),
        (b"HTTP/1.1 200 ", b"OK", "too large"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y", "too large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", b"yyyyyy", "not valid"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", "not valid"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"yyyyyy", "not valid"),
    ],
)
def test_what_is_not_body_has_a_limit(start: bytes, more: bytes, why: str) -> None:
    answer = Answer(CAP)
    answer.feed(start)

    def go_on() -> None:
        for _ in range(50_000):
            answer.feed(more)

    with pytest.raises(AnswerError, match=why):
        go_on()


def test_a_body_in_chunks_of_one_byte_is_no_offence() -> None:
    answer = Answer(1 << 20)
    answer.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100_000):
        answer.feed(b"1\r\nx\r\n")
    assert answer.feed(b"0\r\n\r\n")
    assert len(answer.body) == 100_000


def test_a_head_of_the_largest_size_passes() -> None:
    lines = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX: "
    head = lines + b"y" * (MAX_HEAD - len(lines) - 4) + b"\r\n\r\n"
    assert Answer(CAP).feed(head + b"z" * 9)
    with pytest.raises(AnswerError, match="too large"):
        Answer(CAP).feed(head.replace(b"X: ", b"X: y") + b"z" * 9)


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([PLAIN, CHUNKED, INTERIM, b"\r\n"]))))
def test_any_bytes_end_in_an_answer_or_in_its_error(pieces: list[bytes]) -> None:
    answer = Answer(CAP)
    with suppress(AnswerError):
        for piece in pieces:
            answer.feed(piece)
    assert len(answer.body) <= CAP or not answer.done
