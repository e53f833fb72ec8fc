"""What an admin fills in for a mail server."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.channels.email.address import mailbox
from aftercall.net import url
from aftercall.net.errors import NetError

_LINE = re.compile(r"[^\x00-\x1f\x7f]*")

Security = Literal["starttls", "tls", "none"]
Line = Annotated[str, Meta(max_length=200)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One account at one mail server. A ValidationError names what is wrong with it, never a value."""

    host: Annotated[str, Meta(min_length=1, max_length=253, description="The mail server's name.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="587 for STARTTLS, 465 for TLS.")] = 587
    security: Annotated[
        Security, Meta(description="`starttls` and `tls` both check the certificate; `none` is for tests.")
    ] = "starttls"
    username: Annotated[str, Meta(max_length=320, description="Empty: no login.")] = ""
    password: Annotated[str, Meta(max_length=1000)] = ""
    from_address: Annotated[str, Meta(max_length=320, description="Sender, also for bounces.")]
    from_name: Annotated[Line, Meta(description="What recipients see beside the address.")] = ""
    reply_to: Annotated[str, Meta(max_length=320, description="Empty: replies go to the sender.")] = ""
    mail_domain: Annotated[
        str, Meta(max_length=253, description="Domain of Message-IDs. Empty: the sender's.")
    ] = ""
    hello_name: Annotated[
        str, Meta(max_length=253, description="How we greet the server (EHLO). Empty: the mail domain.")
    ] = ""
    unsubscribe_mailto: Annotated[
        str, Meta(max_length=320, description="An address for people who unsubscribe by mail.")
    ] = ""
    max_messages: Annotated[int, Meta(ge=1, le=10_000, description="Mails over one connection.")] = 100
    idle_seconds: Annotated[int, Meta(ge=1, le=600, description="How long an idle connection is kept.")] = 30
    answer_seconds: Annotated[
        int, Meta(ge=1, le=600, description="How long the server may think about a mail it has been given.")
    ] = 60

    def __post_init__(self) -> None:
        for name in ("host", "mail_domain", "hello_name"):
            if getattr(self, name):
                _is_host(name, getattr(self, name))
        for name in ("from_address", "reply_to", "unsubscribe_mailto"):
            if getattr(self, name):
                _is_address(name, getattr(self, name))
        if not self.from_address:
            raise ValueError("from_address: is required")
        if not _LINE.fullmatch(self.from_name):
            raise ValueError("from_name: may not hold control characters")
        if bool(self.username) != bool(self.password):
            raise ValueError("username: needs a password, and the password a username")

    @property
    def encrypted(self) -> bool:
        """False only where the operator must allow it: passwords and mails go in clear."""
        return self.security != "none"

    @property
    def domain(self) -> str:
        """The domain of Message-IDs, in ASCII."""
        if self.mail_domain:
            return url.host(self.mail_domain)[0]
        return mailbox(self.from_address).rpartition("@")[2]

    @property
    def greeting(self) -> str:
        """The name in EHLO."""
        return url.host(self.hello_name)[0] if self.hello_name else self.domain


def _is_host(field: str, value: str) -> None:
    try:
        url.host(value)
    except NetError as exc:
        raise ValueError(f"{field}: {exc.detail}") from None


def _is_address(field: str, value: str) -> None:
    try:
        mailbox(value)
    except ValueError as exc:
        raise ValueError(f"{field}: {exc}") from None
