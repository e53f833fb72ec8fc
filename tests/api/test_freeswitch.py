# A source of type freeswitch that also takes mod_json_cdr's posts: one call, whoever tells of it. Written streams
# (tests/sources/freeswitch/pbx.py); a real server, a real event socket, real posts.

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Api
from tests.sources.freeswitch.pbx import Pbx
from tests.support.esl import PASSWORD, EventSocket
from tests.support.wait import until


@pytest.fixture
async def pbx() -> AsyncIterator[EventSocket]:
    async with EventSocket() as listening:
        yield listening


async def listening(api: Api, pbx: EventSocket, **settings: Any) -> str:
    """The id of a source that is connected."""
    given = {"host": "127.0.0.1", "port": pbx.port, "dialplan": {"agents": r"10\d"}} | settings
    made = await api.post("/v1/sources", {"type": "freeswitch", "secret": PASSWORD, "settings": given})
    assert made.status == 201, made.body

    async def connected() -> bool:
        return bool((await api.get(f"/v1/sources/{made['id']}"))["connection"]["state"] == "connected")

    await until(connected)
    return str(made["id"])


async def post(nobody: Api, source_id: str, body: bytes, password: str = PASSWORD) -> Any:
    """As mod_json_cdr does, its `?uuid=` included."""
    login = b64encode(f"freeswitch:{password}".encode()).decode()
    path = f"/in/{source_id}?uuid=a-0000-4000"
    return await nobody.ask("POST", path, raw=body, Authorization=f"Basic {login}")


async def calls(api: Api, **wanted: Any) -> Any:
    """The calls, when there is one of which all of this is true."""

    async def found() -> Any:
        items = (await api.get("/v1/calls"))["items"]
        return items if any(all(c[name] == v for name, v in wanted.items()) for c in items) else None

    return await until(found)


def answered() -> Pbx:
    pbx = Pbx().caller(ac_crm="A 17").dial(0.1, "b", "101", "a").ring(0.3, "b").talk(8, "a", "b")
    return pbx.hang_up(68.002, "a", "b").as_of(datetime.now(UTC))


def encoded(cdr: dict[str, Any], encode: str) -> bytes:
    plain = json.dumps(cdr).encode()
    bodies = {"false": plain, "true": b"cdr=" + quote(plain).encode(), "base64": b"cdr=" + b64encode(plain)}
    return bodies[encode]


@pytest.mark.parametrize("encode", ["false", "true", "base64"])
async def test_call_that_is_heard_and_posted_is_one_call(
    api: Api, nobody: Api, pbx: EventSocket, encode: str
) -> None:
    source_id = await listening(api, pbx, cdr=True)
    told = answered()
    pbx.play(told.said)
    await calls(api, status="answered", talk_time_seconds=60)
    for cdr in told.cdrs:
        assert (await post(nobody, source_id, encoded(cdr, encode))).status == 200
    [call] = await calls(api, status="answered", talk_time_seconds=60)
    assert call["custom_fields"] == {"crm": "A 17"}
    assert call["data_quality"] == []
    await api.delete(f"/v1/sources/{source_id}")


async def test_record_heals_a_gap(api: Api, nobody: Api, pbx: EventSocket) -> None:
    """The end was not heard; the PBX's own records tell when and how it came."""
    source_id = await listening(api, pbx, cdr=True)
    told = answered()
    cut = [event["Event-Name"] for event in told.events].index("CHANNEL_UNBRIDGE")
    told.events, said = told.events[:cut], told.cdrs
    pbx.play(told.said)
    [call] = await calls(api, ended_at=None)
    pbx.cut()
    [presumed] = await calls(api, call_id=call["call_id"], data_quality=["gap"], status="answered")
    assert presumed["hangup"]["by"] == "unknown"
    for cdr in said:
        assert (await post(nobody, source_id, json.dumps(cdr).encode())).status == 200
    [healed] = await calls(api, call_id=call["call_id"], talk_time_seconds=60)
    assert healed["hangup"]["by"] == "caller"
    await api.delete(f"/v1/sources/{source_id}")


async def test_posts_need_the_secret_and_the_setting(api: Api, nobody: Api, pbx: EventSocket) -> None:
    cdr = json.dumps(answered().cdrs[0]).encode()
    source_id = await listening(api, pbx, cdr=True)
    assert (await post(nobody, source_id, cdr, "a guess")).status == 401
    assert (await nobody.ask("POST", f"/in/{source_id}?token={PASSWORD}", raw=cdr)).status == 401
    assert (await post(nobody, source_id, b"<cdr/>")).status == 400
    bearer = {"Authorization": f"Bearer {PASSWORD}"}  # as `aftercall spool` does
    assert (await nobody.ask("POST", f"/in/{source_id}", raw=b"<cdr/>", **bearer)).status == 400
    await api.delete(f"/v1/sources/{source_id}")
    source_id = await listening(api, pbx)
    assert (await post(nobody, source_id, cdr)).status == 409
    assert (await api.get("/v1/calls"))["items"] == []
    await api.delete(f"/v1/sources/{source_id}")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "settings"),
        ({"host": "pbx.example", "port": 0}, "settings.port"),
        ({"host": "pbx.example", "username": "u"}, "settings"),
        ({"host": "pbx.example", "password": "x"}, "settings.password"),
        ({"host": "a\nb"}, "settings.host"),
        ({"host": "169.254.169.254"}, "settings.host"),
        ({"host": "pbx.example", "dialplan": {"agents": "("}}, "settings.dialplan"),
        ({"host": "pbx.example", "dialplan": {"menus": {}}}, "settings.dialplan"),
    ],
)
async def test_settings_that_cannot_work_are_refused(api: Api, settings: dict[str, Any], field: str) -> None:
    said = await api.post("/v1/sources", {"type": "freeswitch", "secret": PASSWORD, "settings": settings})
    assert (said.status, said.field) == (422, field)


async def test_password_in_two_lines_is_refused(api: Api) -> None:
    given = {
        "type": "freeswitch",
        "secret": "s3cret-of\n\nevent json ALL",
        "settings": {"host": "pbx.example"},
    }
    said = await api.post("/v1/sources", given)
    assert (said.status, said.field) == (422, "secret")


async def test_token_that_the_module_spoils_is_read_all_the_same(api: Api, nobody: Api) -> None:
    """A URL with `?token=` becomes `?token=...?uuid=...`: the suffix is added to whatever is there."""
    made = await api.post("/v1/sources", {"type": "freeswitch_cdr"})
    cdr = json.dumps(answered().cdrs[0]).encode()
    path = f"/in/{made['id']}?token={made['token']}"
    assert (await nobody.ask("POST", f"{path}?uuid=a-0000-4000", raw=cdr)).status == 200
    assert (await nobody.ask("POST", f"{path}x?uuid=a-0000-4000", raw=cdr)).status == 401
