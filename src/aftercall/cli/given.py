"""What commands that set something up are given, from files and options, and how they say that it is made."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from aftercall.cli.shell import MISUSED, Failure, out

File = Annotated[
    str | None,
    Parameter(help="JSON with everything the API takes, or - for standard input.", allow_leading_hyphen=True),
]
Name = Annotated[str | None, Parameter(help="For people.")]


def asked_of(file: str | None, **given: Any) -> dict[str, Any]:
    """What the file says, with the options on top."""
    told: dict[str, Any] = {}
    if file is not None:
        try:
            raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            told = msgspec.json.decode(raw, type=dict[str, Any])
        except (OSError, msgspec.MsgspecError) as error:
            raise Failure(f"{file} is not a JSON object: {error}", MISUSED) from None
    return told | {name: value for name, value in given.items() if value is not None}


def setting(text: str) -> tuple[str, Any]:
    """`name=value`, where the value is JSON or else text. Raises Failure."""
    name, equals, value = text.partition("=")
    if not equals:
        raise Failure(f"--setting must be name=value, not {text}.", MISUSED)
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def say_made(what: str, made: dict[str, Any]) -> None:
    out.print(f"{what} {made['id']}", markup=False)
    for note in made["notes"]:
        out.print(note, markup=False)
