"""An answer as its bytes come in. No sockets here: a connection feeds it, llhttp (through httptools) parses."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from aftercall.net.errors import AnswerError
from aftercall.net.message import MAX_HEADER_BYTES, MAX_HEADERS

MAX_HEAD = 32_768  # bytes of the status line, the headers and all interim answers before them
MAX_LINES = 128
# Chunk sizes, extensions and trailers: at most so much beside the body, plus a part in proportion to it,
# because a body in chunks of one byte is odd but allowed.
MAX_WRAPPING = 65_536
WRAPPING_PER_BYTE = 8

INVALID = "the answer is not valid HTTP/1.1"
TOO_LARGE = "the answer's headers are too large"


class Answer:
    """One for each request: nothing of an answer can leak into the next. `cap`: bytes of the body to keep."""

    __slots__ = (
        "_cap", "_fed", "_framed", "_lines", "_parser", "_pieces", "_room", "_size",
        "done", "headed", "headers", "reusable", "status", "truncated",
    )  # fmt: skip

    def __init__(self, cap: int) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.headed = False  # the head is complete and the body has begun
        self.done = False
        self.truncated = False
        self.reusable = False  # by both sides' words, another request may follow on this connection
        self._cap = cap
        self._room = MAX_HEADER_BYTES
        self._lines = 0
        self._framed = False
        self._fed = 0
        self._size = 0
        self._pieces: list[bytes] = []
        # The parser and this object refer to each other until the answer is complete.
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # What browsers and the usual clients forgive: folded lines and odd characters in headers, bare line feeds,
        # spaces behind a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    @property
    def body(self) -> bytes:
        pieces = self._pieces
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return whole[: self._cap] if self.truncated else whole

    def feed(self, data: bytes) -> bool:
        """Take in bytes; True when the answer is complete or has reached its cap. Raises AnswerError."""
        if self._fed + len(data) > MAX_HEAD and not self.headed:
            room = MAX_HEAD - self._fed
            if not self._parse(data[:room]):
                raise AnswerError(TOO_LARGE)
            data = data[room:]
        self._parse(data)
        if self.done:
            return True
        if self._fed - self._size > MAX_WRAPPING + WRAPPING_PER_BYTE * self._size:
            raise AnswerError(INVALID)
        return False

    def end(self) -> bool:
        """The receiver ended the connection: True when that is how this answer ends (RFC 9112, 6.3)."""
        self.done = self.done or (self.headed and not self._framed)
        self._parser = None
        return self.done

    def _parse(self, data: bytes) -> bool:
        """True as soon as the head is complete."""
        self._fed += len(data)
        parser = self._parser
        if parser is None:  # complete: what follows was not asked for
            self.reusable = False
            return True
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            raise AnswerError(INVALID) from None  # we never ask for another protocol
        except HttpParserError as exc:
            if isinstance(exc.__context__, AnswerError):
                raise exc.__context__ from None
            if not self.truncated:
                raise AnswerError(INVALID) from None
        if self.done:
            self._parser = None
        return self.headed

    # What the parser calls. Once the answer is complete, whatever still comes belongs to no request.

    def on_message_begin(self) -> None:
        if self.done:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.headed:
            return  # a trailer, or a second answer
        self._lines += 1
        if self._lines > MAX_LINES:
            raise AnswerError(TOO_LARGE)
        if b"\0" in value:  # of the odd characters the one that no database takes
            raise AnswerError(INVALID)
        lower = name.lower()
        if lower == b"content-length" or (lower == b"transfer-encoding" and b"chunked" in value.lower()):
            self._framed = True
        self._room -= len(name) + len(value)
        if self._room >= 0 and len(self.headers) < MAX_HEADERS:
            self.headers.append((name.decode("latin-1"), value.decode("utf-8", "replace").strip(" \t")))

    def on_headers_complete(self) -> None:
        if self.headed or self._parser is None:
            return
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self.headed = True
        elif self.status == 101:
            raise AnswerError(INVALID)

    def on_body(self, data: bytes) -> None:
        if self.done:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self._cap:
            self.truncated = self.done = True

    def on_message_complete(self) -> None:
        if not self.headed:  # an interim answer: forget it
            self.headers.clear()
            self._framed = False
            self._room = MAX_HEADER_BYTES
        elif not self.done and self._parser is not None:
            self.done = True
            self.reusable = self._parser.should_keep_alive()
