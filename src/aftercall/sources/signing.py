"""The secrets that a source's requests may be signed with."""

from aftercall.domain.account import Source


def secrets(source: Source) -> list[bytes]:
    """The source's secrets: several while one is being replaced, or with a space between them."""
    return [secret.encode() for secret in (*source.token.split(), *source.old_token.split())]
