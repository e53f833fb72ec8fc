"""What the settings of every SMS provider over HTTP have in common (S3)."""

from base64 import b64encode
from typing import Annotated

import msgspec
from msgspec import Meta

ApiBase = Annotated[
    str,
    Meta(
        title="Address of the API",
        description="Only where it is another than usual, for an account in another region, say. Must be https.",
        max_length=200,
        pattern=r"^(https://[^\s/?#@\\]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?)(/[^\s?#@\\]*)?$",
        examples=["https://api.example.com"],
    ),
]
Sender = Annotated[
    str,
    Meta(
        title="Sender",
        description="The number or name that texts come from where nothing else says so.",
        max_length=20,
        examples=["+14155550100"],
    ),
]
Secret = Annotated[str, Meta(min_length=1, max_length=500)]


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an admin fills in. It holds secrets, so it never shows what it holds."""

    sender: Sender = ""
    api_base: ApiBase | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def address(self, usual: str) -> str:
        """Where the API is, without a slash at its end."""
        return (self.api_base or usual).rstrip("/")


def basic(user: str, password: str) -> tuple[str, str]:
    """The header of HTTP basic authentication."""
    return "Authorization", "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def keys(*secrets: str) -> list[bytes]:
    """What callbacks may be signed with: those that are set, and several where one is being replaced (by a space)."""
    return [one.encode() for secret in secrets for one in secret.split()]
