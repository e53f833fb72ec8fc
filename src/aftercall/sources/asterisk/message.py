"""One AMI message: its fields in order, repeated ones kept. Names are as in Asterisk's source, case ignored."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How Asterisk says that it knows nothing.
NOTHING = frozenset({"", "<unknown>", "<null>", "(null)"})
MAX_VALUE = 4096  # characters of a field; what is longer is nothing we read


class Message:
    """The fields of a message, by name in lower case. `Uniqueid` and `UniqueID` are one: Asterisk writes both."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields

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
    fields: dict[str, list[str]] = {}
    for line in frame.decode("utf-8", "replace").replace("\0", "").split("\n"):
        name, colon, value = line.partition(":")
        if not colon:
            continue
        name = name.strip().lower()
        if name in fields:
            fields[name].append(value.strip())
        else:
            fields[name] = [value.strip()]
    return Message(fields)


def event_of(frame: bytes) -> str | None:
    """The event's name without reading the rest: nine tenths of what a PBX says is not for us (H23)."""
    return value_in(frame, b"Event: ")


def value_in(frame: bytes, field: bytes) -> str | None:
    """The value of one field, given as `Name: `, without reading the rest."""
    if frame[: len(field)].lower() == field.lower():
        start = len(field)
    else:
        start = frame.find(b"\n" + field) + 1
        if start == 0:
            return None
        start += len(field)
    end = frame.find(b"\n", start)
    return frame[start : end if end >= 0 else None].strip().decode("utf-8", "replace")


def count(text: str | None) -> int | None:
    """A field that counts something, if it does."""
    return int(text) if text is not None and text.isdecimal() and text.isascii() and len(text) < 10 else None
