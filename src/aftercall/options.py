"""One option's value: found somewhere, turned into its type, held against its rules. No environment here."""

import base64
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

SECRET_KEY_BYTES = 32
MIN_KEY = 8  # characters of a preset API key


class ConfigError(Exception):
    """The configuration cannot be used. Says which option, where it came from, and never a secret."""


class Given(NamedTuple):
    """A value as it was found. In the environment everything is text."""

    value: object
    origin: str
    text: bool = False


def read(name: str, given: Given, kind: Any, *, secret: bool = False) -> Any:
    """The value as a `kind`. Raises ConfigError."""
    value = _convert(given, kind, secret=secret)
    broken = _CHECKS[name](value) if name in _CHECKS else None
    if broken:
        raise ConfigError(f"{given.origin} {broken}.")
    return value


def _convert(given: Given, kind: Any, *, secret: bool) -> Any:
    value = given.value
    if given.text and get_origin(kind) is tuple:
        value = [part.strip() for part in str(value).split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=not given.text, dec_hook=_path)
    except msgspec.ValidationError as error:
        found = "" if secret else f", not {given.value!r}"
        raise ConfigError(f"{given.origin} must be {_rule(str(error), kind)}{found}.") from None


def _rule(complaint: str, kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    rule = (
        complaint.partition(" - at")[0]
        .partition(", got")[0]
        .partition(" | ")[0]
        .removeprefix("Expected ")
        .replace("`", "")
    )
    for word, meant in _WORDS.items():
        rule = re.sub(rf"\b{word}\b", meant, rule)
    return rule


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(value).expanduser()
    raise msgspec.ValidationError("a path")


def _networks(value: tuple[str, ...]) -> str | None:
    for part in value:
        try:
            ipaddress.ip_network(part)
        except ValueError as error:
            return f"holds an address range that is none: {error}"
    return None


def _database(value: str) -> str | None:
    known = not value or value.startswith(("sqlite://", "sqlite+", "postgresql://", "postgresql+"))
    return None if known else "must start with sqlite:/// or postgresql://"


def _key(value: str) -> str | None:
    fine = not value or (
        len(value) >= MIN_KEY and value.isascii() and value.isprintable() and " " not in value
    )
    return None if fine else f"must be at least {MIN_KEY} visible ASCII characters"


def _secret_key(value: str) -> str | None:
    fine = all(decode_secret_key(part) for part in value.replace(",", " ").split())
    return None if fine else "must be 32 bytes in base64: openssl rand -base64 32"


def _url(value: str) -> str | None:
    return (
        None
        if not value or value.startswith(("https://", "http://"))
        else "must start with https:// or http://"
    )


def _present(value: Path | None) -> str | None:
    return None if value is None or value.is_file() else f"names {value}, which is no file"


# What a type cannot say.
_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "allow_networks": _networks,
    "egress_addresses": _networks,
    "database": _database,
    "api_key": _key,
    "secret_key": _secret_key,
    "public_url": _url,
    "url": _url,
    "ca_file": _present,
}


def decode_secret_key(text: str) -> bytes | None:
    """The 32 bytes of a base64 key, None when it is none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        return None
    return key if len(key) == SECRET_KEY_BYTES else None


_WORDS = {
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "null": "nothing",
}
