"""The settings of a gateway that is described instead of programmed: its request, its answer, its callbacks (S3).

Everything is checked when it is saved: templates, patterns, paths. Secrets stand in fields of their own and are
named in templates, so that a template shown to anybody holds none.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aftercall.channels.sms.settings import ProviderSettings
from aftercall.domain.errors import Invalid
from aftercall.domain.message import ReceiptStatus
from aftercall.domain.template import Schema, compile  # noqa: A004  # its name there
from aftercall.engine.messaging import Known
from aftercall.engine.patterns import check_pattern

NOTHING_BELOW: frozenset[str] = frozenset()
# What templates may name. `to` and `sender` are as AfterCall has them: `{{ to | digits }}` leaves the plus out.
SCHEMA: Schema = {
    **dict.fromkeys(
        (
            "to", "text", "sender", "reference", "callback_url", "encoding", "segments", "category", "template_id",
            "validity_seconds", "username", "password", "token",
        ),
        NOTHING_BELOW,
    ),
    "variables": None,
    "dlt": frozenset({"entity_id", "template_id", "chain"}),
}  # fmt: skip

# The path of an address is shown in the delivery log, so no secret may stand there; its query is not.
IN_ADDRESS: Schema = {name: below for name, below in SCHEMA.items() if name not in ("password", "token")}

Template = Annotated[str, Meta(max_length=4000)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Path = Annotated[
    str,
    Meta(max_length=200, description="Where it stands in JSON or a form.", examples=["data.messages[0].id"]),
]
Pattern = Annotated[
    str,
    Meta(
        max_length=500,
        description="A regular expression over the first 500 characters; its first group, if any, is what is meant.",
        examples=[r"^success \| (\w+)"],
    ),
]
Word = Annotated[str, Meta(max_length=100)]


class Receipts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How delivery receipts are read."""

    status: Path
    statuses: Annotated[
        dict[Word, ReceiptStatus],
        Meta(max_length=100, description="What its words mean; others change nothing. Case does not matter."),
    ]
    id: Path = ""
    reference: Path = ""
    code: Path = ""
    said: Path = ""
    at: Path = ""


class Inbound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How incoming texts are read."""

    from_: Path = msgspec.field(name="from")
    text: Path
    to: Path = ""
    id: Path = ""
    at: Path = ""
    keyword: Path = ""
    keywords: Annotated[dict[Word, Literal["stop", "start", "help"]], Meta(max_length=50)] = {}


class GenericSettings(ProviderSettings, frozen=True, kw_only=True):
    method: Literal["POST", "GET"] = "POST"
    url: Annotated[
        str,
        Meta(
            title="Address",
            description="Placeholders may stand in its path; what they stand for is percent-encoded.",
            max_length=2000,
            pattern=r"^(https://[^\s/?#@\\{}]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?)([/?]([^\s#\\{}]|\{\{[^{}]*\}\})*)?$",
            examples=["https://gateway.example.com/send"],
        ),
    ]
    query: Annotated[dict[Name, Template], Meta(title="Query", max_length=50)] = msgspec.field(
        default_factory=dict
    )
    headers: Annotated[
        dict[Annotated[str, Meta(pattern="^[A-Za-z0-9-]{1,100}$")], Template],
        Meta(title="Headers", max_length=30),
    ] = msgspec.field(default_factory=dict)
    form: Annotated[dict[Name, Template], Meta(title="Form", max_length=50)] = msgspec.field(
        default_factory=dict
    )
    json: Annotated[Any, Meta(title="JSON", description="A value whose strings may hold placeholders.")] = (
        None
    )
    username: Annotated[str, Meta(max_length=200)] = ""
    password: Annotated[str, Meta(max_length=500)] = ""
    token: Annotated[str, Meta(max_length=1000)] = ""

    success_from: Annotated[int, Meta(title="Success from status", ge=200, le=399)] = 200
    success_to: Annotated[int, Meta(title="to status", ge=200, le=399)] = 299
    id_path: Path = ""
    id_pattern: Pattern = ""
    code_path: Path = ""
    code_pattern: Pattern = ""
    said_path: Path = ""
    said_pattern: Pattern = ""
    no_error: Annotated[
        tuple[Word, ...],
        Meta(max_length=20, description="Codes that mean there is no error.", examples=[["0", "000"]]),
    ] = ()
    codes: Annotated[
        dict[Word, Known], Meta(max_length=200, description="What error codes mean, of answers and receipts.")
    ] = msgspec.field(default_factory=dict)
    retry_statuses: Annotated[
        tuple[Annotated[int, Meta(ge=400, le=599)], ...],
        Meta(max_length=20, description="HTTP statuses that surely mean: not taken, try again later."),
    ] = (429,)

    receipts: Receipts | None = None
    inbound: Inbound | None = None
    items: Annotated[Path, Meta(description="The list, where one callback tells of several messages.")] = ""
    json_field: Annotated[Word, Meta(description="The field of a form that holds JSON.")] = ""
    callback_header: Annotated[str, Meta(pattern="^[A-Za-z0-9-]{1,100}$")] = "X-Callback-Token"
    callback_secret: Annotated[
        str,
        Meta(max_length=500, description="Callbacks must bring it in that header. Empty: none is asked for."),
    ] = ""
    reply: Annotated[str, Meta(max_length=1000, description="What a callback is answered.")] = ""

    def __post_init__(self) -> None:
        """Raise Invalid, naming the setting."""
        if self.form and self.json is not None:
            raise Invalid.field("settings.json", "goes not with form: a request has one body")
        if self.method == "GET" and (self.form or self.json is not None):
            raise Invalid.field("settings.method", "must be POST where there is a body")
        compile(self.url, IN_ADDRESS, "settings.url")
        for part in ("query", "headers", "form", "json"):
            compile(getattr(self, part), SCHEMA, f"settings.{part}")
        for part in ("id_pattern", "code_pattern", "said_pattern"):
            if getattr(self, part):
                check_pattern(getattr(self, part), f"settings.{part}")
        for path in ("id_path", "code_path", "said_path", "items"):
            check_path(getattr(self, path), f"settings.{path}")
        for name, holder in (("receipts", self.receipts), ("inbound", self.inbound)):
            for field in msgspec.structs.fields(holder) if holder is not None else ():
                value = getattr(holder, field.name)
                if isinstance(value, str):
                    check_path(value, f"settings.{name}.{field.encode_name}")


def check_path(path: str, field: str) -> None:
    if path:
        compile(as_template(path), {"it": None}, field)


def as_template(path: str) -> str:
    """A path as the template that looks it up: our own template engine follows it (T6)."""
    return f"{{{{ it{path if path.startswith('[') else '.' + path} }}}}"
