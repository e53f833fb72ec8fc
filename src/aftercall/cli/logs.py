"""Logging: one line an event, static names with fields, for people or as JSON. Never payloads or secrets."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class _Lines(logging.Formatter):
    """For people: 2026-01-31T10:00:00Z WARNING heartbeat_missed incarnation=node_1."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{at} {record.levelname:<7} {record.getMessage()}{fields}{trace}"


class _Json(logging.Formatter):
    """For machines: the same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def log_to_stderr(level: str, *, json: bool) -> None:
    """Set up the process's logging. Libraries speak from warnings on only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if json else _Lines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("aftercall").setLevel(level.upper())
