# What a test of messages needs: a connection, a sender, a template, an action.

from typing import Any

from tests.api.conftest import Answer, Api

TWILIO = {"account_sid": "AC" + 32 * "0", "auth_token": "hush-hush"}
TEMPLATE = {
    "name": "Missed",
    "channel": "sms",
    "category": "service_implicit",
    "text": "Sorry, {{ customer.label }}.",
}


async def made(api: Api, path: str, asked: dict[str, Any]) -> Answer:
    answer = await api.post(path, asked)
    assert answer.status == 201, answer.body
    return answer


async def connection(api: Api, **more: Any) -> Answer:
    return await made(api, "/v1/connections", {"type": "twilio", "settings": TWILIO} | more)


async def sender(api: Api, connection_id: str, **more: Any) -> Answer:
    asked = {"connection_id": connection_id, "value": "+14085550199", "kind": "long_code"} | more
    return await made(api, "/v1/senders", asked)


async def template(api: Api, **more: Any) -> Answer:
    return await made(api, "/v1/message-templates", TEMPLATE | more)


async def rule(api: Api, **more: Any) -> Answer:
    return await made(api, "/v1/rules", {"channel": "sms", "recipients": "caller"} | more)
