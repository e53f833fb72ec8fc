# What an admin fills in (S3): limits, and that every setting has its line in the documentation.

from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.channels.sms.smpp import Settings, Smpp, settings_of, statuses
from aftercall.domain.errors import Invalid
from tests.channels.sms.smpp.rig import connection

PAGE = Path(__file__).parents[4] / "docs" / "channels" / "smpp.md"


def test_every_setting_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [field.name for field in msgspec.structs.fields(Settings) if f"`{field.name}`" not in page] == []


def test_settings_have_a_schema_for_forms() -> None:
    schema = msgspec.json.schema(Settings)
    assert set(schema["$defs"]["Settings"]["required"]) == {"host", "system_id"}


def test_secrets_are_settings() -> None:
    assert Smpp.secrets <= {field.name for field in msgspec.structs.fields(Settings)}


def test_defaults_suit() -> None:
    made = settings_of(connection(2775))
    assert (made.bind, made.window, made.interface_version, made.dlt_entity_tag) == (
        "transceiver",
        10,
        "3.4",
        "0x1400",
    )


@pytest.mark.parametrize(
    "given",
    [
        {"host": ""}, {"port": 0}, {"window": 0}, {"response_timeout": 0.5}, {"bind": "both"}, {"colour": "red"},
        {"dlt_entity_tag": "1400"}, {"tlvs": [{"tag": "0x1403", "value": "abc", "form": "hex"}]},
        {"receipt_timezone": "Mars/Olympus"}, {"receipt_timezone": ""}, {"receipt_timezone": "../../etc/passwd"},
        {"system_id": "a\0b"}, {"system_id": "näme"}, {"source_ton": 256}, {"validity_seconds": 5},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        settings_of(connection(**({"port": 2775} | given)))
    assert "s3cret" not in refused.value.message


def test_every_known_status_explains_itself() -> None:
    for known in (*statuses.ERRORS.values(), *DLT_ERRORS.values()):
        assert known.hint[0].isupper()
        assert not known.hint.endswith(".")


def test_the_registrys_codes_are_statuses_as_well() -> None:
    assert statuses.ERRORS[statuses.code(633)] == DLT_ERRORS["633"]
    assert statuses.known(0x4FF).error == "unknown"
