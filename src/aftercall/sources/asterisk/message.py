"""One AMI message: its fields in order, repeated ones kept. Names are as in Asterisk's source, case ignored."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How Asterisk says that it knows nothing.
NOTHING = frozenset({"", "<unknown>", "<null>", "(null)"})
MAX_VALUE = 4096  # characters of a field; what is longer is nothing we read


class Message:
    """The fields of a message. `Uniqueid` and `UniqueID` are one name: Asterisk writes both."""

    __slots__ = ("fields",)

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields: dict[str, list[str]] = {}
        for name, value in fields:
            self.fields.setdefault(name.lower(), []).append(value)

    def get(self, name: str) -> str | None:
        """The first value of the field that says something."""
        for value in self.fields.get(name.lower(), ()):
            if value not in NOTHING:
                return value[:MAX_VALUE]
        return None

    def all(self, name: str) -> list[str]:
        return self.fields.get(name.lower(), [])

    @property
    def event(self) -> str | None:
        return self.get("Event")

    def at(self) -> datetime | None:
        """The PBX's own time, with `timestampevents = yes`: seconds since the epoch, point, microseconds."""
        whole, _, part = (self.get("Timestamp") or "").partition(".")
        if not (whole.isdecimal() and whole.isascii() and len(whole) <= 11):
            return None
        micro = int(part[:6].ljust(6, "0")) if part.isdecimal() and part.isascii() else 0
        return _EPOCH + timedelta(seconds=int(whole), microseconds=micro)


def read(frame: bytes) -> Message:
    """The message of a frame. Lines without a colon are no fields; what is no UTF-8 is shown as such."""
    fields = []
    for line in frame.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.rstrip("\r").partition(":")
        if colon:
            fields.append((name.strip(), value.strip().replace("\0", "")))
    return Message(fields)


def event_of(frame: bytes) -> str | None:
    """The event's name without reading the rest: nine tenths of what a PBX says is not for us (H23)."""
    start = 0 if frame[:7].lower() == b"event: " else frame.find(b"\nEvent: ") + 1
    if start == 0 and frame[:7].lower() != b"event: ":
        return None
    end = frame.find(b"\n", start)
    return frame[start + 7 : end if end >= 0 else None].strip().decode("utf-8", "replace")
