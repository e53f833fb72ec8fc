"""The fields of a settings struct, told so that a form can be drawn of them: from its types and their Meta (S3)."""

from collections.abc import Collection, Iterator
from typing import Any, Literal

import msgspec

REF = "#/"
FieldType = Literal["string", "integer", "number", "boolean", "choice", "list", "map", "object", "any"]
LIMITS = (
    "minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems", "minProperties",
    "maxProperties",
)  # fmt: skip


class FormField(msgspec.Struct, frozen=True, kw_only=True):
    """One field. `limits` are named as in JSON Schema; `fields` are an object's, or of what a list or map holds.

    `item` is what a list or map holds. A `secret` is never shown again once it is saved.
    """

    name: str
    type: FieldType
    title: str
    description: str
    required: bool
    secret: bool
    default: Any
    examples: tuple[Any, ...]
    choices: tuple[Any, ...]
    limits: dict[str, Any]
    item: FieldType | None
    fields: tuple["FormField", ...]


def form_fields(kind: type[msgspec.Struct], secrets: Collection[str] = ()) -> tuple[FormField, ...]:
    """The fields of a struct, in its order."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=REF + "{name}")
    return tuple(_fields(schema, components, frozenset(secrets)))


def _fields(
    schema: dict[str, Any], components: dict[str, Any], secrets: frozenset[str]
) -> Iterator[FormField]:
    schema = _meant(schema, components)
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        yield _field(name, given, components, required=name in required, secret=name in secrets)


def _field(
    name: str, given: dict[str, Any], components: dict[str, Any], *, required: bool, secret: bool
) -> FormField:
    meant = _meant(given, components)
    type_ = _type(meant)
    inner: dict[str, Any] | None = None
    if type_ == "list" and isinstance(meant.get("items"), dict):
        inner = _meant(meant["items"], components)
    elif type_ == "map":
        inner = _meant(meant["additionalProperties"], components)
    item = _type(inner) if inner is not None else None
    holder = meant if type_ == "object" else inner if item == "object" else None
    return FormField(
        name=name,
        type=type_,
        title=str(meant.get("title", "")) if type_ != "object" and "title" in meant else _title(name),
        # What a struct's docstring says is for who reads its code.
        description="" if type_ == "object" else meant.get("description", ""),
        required=required,
        secret=secret,
        default=given.get("default"),
        examples=tuple(meant.get("examples", ())),
        choices=tuple(choice for choice in meant.get("enum", ()) if choice is not None),
        limits={limit: meant[limit] for limit in LIMITS if limit in meant},
        item=item,
        fields=tuple(_fields(holder, components, frozenset())) if holder is not None else (),
    )


def _meant(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Without references and without null, which stands for what is left out."""
    if "$ref" in schema:
        return _meant(components[schema["$ref"].removeprefix(REF)], components)
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        rest = {name: value for name, value in schema.items() if name != "anyOf"}
        return _meant(choices[0], components) | rest
    return schema


def _type(schema: dict[str, Any]) -> FieldType:
    if "enum" in schema:
        return "choice"
    match schema.get("type"):
        case "array":
            return "list"
        case "object":
            return "object" if "properties" in schema else "map"
        case "string":
            return "string"
        case "integer":
            return "integer"
        case "number":
            return "number"
        case "boolean":
            return "boolean"
        case _:
            return "any"


def _title(name: str) -> str:
    """`system_id` is System id."""
    words = " ".join(_SPELT.get(word, word) for word in name.strip("_").split("_"))
    return words[:1].upper() + words[1:]


_SPELT = {
    "dlt": "DLT", "gsm": "GSM", "json": "JSON", "npi": "NPI", "tls": "TLS", "tlvs": "TLVs", "ton": "TON",
    "ucs2": "UCS-2", "url": "URL",
}  # fmt: skip
