# The OpenAPI document against the server it describes.

import re
from typing import Any

import pytest

from aftercall.server import Server
from tests.api.conftest import KEY, Api


async def document(api: Api) -> Any:
    answer = await api.get("/openapi.json")
    assert answer.status == 200
    return answer.body


async def test_document_names_every_operation_once(api: Api) -> None:
    described = await document(api)
    ids = [operation["operationId"] for item in described["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids)) > 60


async def test_document_refers_to_nothing_that_is_missing(api: Api) -> None:
    described = await document(api)
    text = (await api.get("/openapi.json")).body
    found = set(re.findall(r"#/components/(\w+)/([^'\"]+)", str(text)))
    for section, name in found:
        assert name in described["components"][section], name


async def test_document_describes_every_parameter_of_a_path(api: Api) -> None:
    for path, item in (await document(api))["paths"].items():
        for operation in item.values():
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path)), path


async def test_events_are_described_with_an_example_that_is_taken(api: Api) -> None:
    content = (await document(api))["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    taken = await api.post("/v1/events", content["application/json"]["example"])
    assert taken["status"] == "accepted"


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "part",
    ["webhooks", "deliveries", "calls", "sources", "directory", "contacts", "messages", "ways", "rest"],
)
async def test_server_keeps_to_its_document(server: Server, part: str) -> None:
    """Schemathesis asks whatever the document allows, and what it does not."""
    import asyncio

    await asyncio.to_thread(_schemathesis, server.url, part)


PARTS = {
    "webhooks": "^/v1/webhooks",
    "deliveries": "^/v1/deliveries",
    "calls": "^/v1/(calls|events)|^/in/",
    "messages": "^/v1/(messages|texts|sms|email)(/|$)",
    "sources": "^/v1/sources",
    "directory": "^/v1/(numbers|agents|queues|menus|dispositions)",
    "contacts": "^/v1/(contacts|suppressions)",
    "ways": "^/v1/(connections|connection-types|senders|message-templates|message-variables|rules|policies)",
    "rest": "^/(healthz|readyz|v1/(account|accounts|keys|triggers|variables|system))",
}


def _schemathesis(url: str, part: str) -> None:
    import warnings

    import hypothesis
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.core.parameters import ParameterLocation
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_schema_conformance,
        status_code_conformance,
    )

    schema = schemathesis.openapi.from_url(f"{url}/openapi.json").include(path_regex=PARTS[part])
    common = [
        schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
        response_schema_conformance,
    ]  # fmt: skip
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # its types miss the method of Err
        allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        refused = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @hypothesis.given(case=hypothesis.strategies.one_of(allowed, refused))
        @hypothesis.settings(
            max_examples=60, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        def asks(case: Any) -> None:
            # Only bodies: our own key replaces a broken one, and it drops what it adds to queries before sending.
            # Events that break a rule are rejected one by one, within an answer of 200.
            body = case.meta.components.get(ParameterLocation.BODY)
            wrong = body is not None and body.mode is GenerationMode.NEGATIVE and case.path != "/v1/events"
            checks = [*common, negative_data_rejection] if wrong else common
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, checks=checks, timeout=30)

        asks()
