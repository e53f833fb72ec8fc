"""The GSM 7-bit alphabet and its extension table, unpacked: one septet in an octet (3GPP TS 23.038, 6.2.1)."""

ESCAPE = 0x1B  # the next septet is one of the extension table
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_CODES = {char: bytes([code]) for code, char in enumerate(_BASIC) if code != ESCAPE} | {
    char: bytes([ESCAPE, code]) for code, char in _EXTENSION.items()
}
_SEPTETS = {char: len(code) for char, code in _CODES.items()}


def septets(char: str) -> int:
    """How many septets a character takes: 1, 2 with the escape, 0 where the alphabet does not have it."""
    return _SEPTETS.get(char, 0)


def encode(text: str) -> bytes:
    """The text's septets, one an octet. Raises ValueError for a character that the alphabet does not have."""
    try:
        return b"".join([_CODES[char] for char in text])
    except KeyError as missing:
        raise ValueError(f"the GSM alphabet has no U+{ord(missing.args[0]):04X}") from None


def decode(data: bytes) -> str:
    """The text of unpacked septets. An unknown escape is read as the basic character, as 6.2.1.1 has it.

    What is no septet at all (the high bit set) reads as U+FFFD.
    """
    made: list[str] = []
    escaped = False
    for code in data:
        if code == ESCAPE and not escaped:
            escaped = True
            continue
        char = _BASIC[code] if code < 0x80 else "\ufffd"
        if escaped:
            char = _EXTENSION.get(code, " " if code == ESCAPE else char)
        made.append(char)
        escaped = False
    return "".join(made)
