"""The one tree of errors. A class docstring is the message; `code` is stable, `status` is the HTTP answer.

Problem
├── Invalid            422  a value breaks a rule; `field` names it
├── Unreadable         400  the body is not what the content type says
├── TooLarge           413
├── Unauthenticated    401
├── Forbidden          403
├── NotFound           404
├── Conflict           409
│   └── Unconfirmed    409  a message goes to a person once more, which somebody has to want
├── Busy               429  try again after `retry_after` seconds
└── Unavailable        503  try again after `retry_after` seconds
"""

from typing import ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One broken rule: which field, which rule, and the shape (never the content) of what stood there."""

    field: str
    message: str
    got: str | None = None


class Problem(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").splitlines()[0]
        self.errors = errors
        self.retry_after = retry_after
        super().__init__(self.message)


class Invalid(Problem):
    """The request breaks a rule."""

    code = "invalid"
    status = 422

    @classmethod
    def field(cls, field: str, message: str, got: str | None = None) -> "Invalid":
        return cls(f"{field}: {message}", errors=(FieldError(field, message, got),))


class Unreadable(Problem):
    """The body cannot be read."""

    code = "unreadable"
    status = 400


class TooLarge(Problem):
    """The body is larger than allowed."""

    code = "too_large"
    status = 413


class Unauthenticated(Problem):
    """A valid API key is needed: `Authorization: Bearer <key>`."""

    code = "unauthenticated"
    status = 401


class Forbidden(Problem):
    """The key does not allow this."""

    code = "forbidden"
    status = 403


class NotFound(Problem):
    """There is no such thing in this account."""

    code = "not_found"
    status = 404


class Conflict(Problem):
    """This does not fit with what is stored."""

    code = "conflict"
    status = 409


class Unconfirmed(Conflict):
    """This goes to a person, who may get it twice."""

    code = "confirmation_needed"


class Busy(Problem):
    """Too much at once; try again later."""

    code = "busy"
    status = 429


class Unavailable(Problem):
    """The service cannot do this just now; try again later."""

    code = "unavailable"
    status = 503
