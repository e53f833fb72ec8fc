# Sources that keep a connection, by the API: settings are checked, the connection is shown, requests are refused.

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.support.ami import PASSWORD, USERNAME, Manager
from tests.support.wait import until

SETTINGS = {"host": "pbx.example", "username": USERNAME}


async def create(api: Api, pbx: Manager) -> Any:
    settings = SETTINGS | {"host": "127.0.0.1", "port": pbx.port}
    made = await api.post("/v1/sources", {"type": "asterisk", "secret": PASSWORD, "settings": settings})
    assert made.status == 201, made.body
    return made


async def connected(api: Api, source_id: str) -> Any:
    async def shown() -> Any:
        found = (await api.get(f"/v1/sources/{source_id}"))["connection"]
        return found if found is not None and found["state"] == "connected" else None

    return await until(shown)


async def test_connection_is_shown(api: Api) -> None:
    async with Manager() as pbx:
        made = await create(api, pbx)
        assert (made["token"], made["connection"]["state"]) == (None, "connecting")
        shown = await connected(api, made["id"])
        assert shown["error"] is None
        assert PASSWORD not in str((await api.get("/v1/sources")).body)
        paused = await api.patch(f"/v1/sources/{made['id']}", {"status": "paused"})
        assert paused["connection"] is None
        await api.delete(f"/v1/sources/{made['id']}")


async def test_other_types_have_no_connection(api: Api) -> None:
    assert (await api.get("/v1/sources"))["items"][0]["connection"] is None


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"username": "u"}, "settings"),
        ({"host": "pbx.example"}, "settings"),
        (SETTINGS | {"port": 0}, "settings.port"),
        (SETTINGS | {"tls": "yes"}, "settings.tls"),
        (SETTINGS | {"hots": "x"}, "settings"),
        (SETTINGS | {"password": "x"}, "settings.password"),
        (SETTINGS | {"host": "not a host"}, "settings.host"),
        (SETTINGS | {"host": "169.254.169.254"}, "settings.host"),
        (SETTINGS | {"username": "a\r\nAction: Originate"}, "settings.username"),
        (SETTINGS | {"dialplan": {"agents": "("}}, "settings.dialplan"),
    ],
)
@pytest.mark.parametrize("kind", ["asterisk", "asterisk_ari"])
async def test_settings_that_cannot_work_are_refused(
    api: Api, kind: str, settings: dict[str, Any], field: str
) -> None:
    said = await api.post("/v1/sources", {"type": kind, "secret": PASSWORD, "settings": settings})
    assert (said.status, said.field) == (422, field)


@pytest.mark.parametrize("kind", ["asterisk", "asterisk_ari"])
@pytest.mark.parametrize("more", [{}, {"secret": "one line\r\nand another"}])
async def test_secret_is_needed_in_one_line(api: Api, kind: str, more: dict[str, Any]) -> None:
    said = await api.post("/v1/sources", {"type": kind, "settings": SETTINGS} | more)
    assert (said.status, said.field) == (422, "secret")


async def test_change_is_checked_and_the_secret_is_not_rotated(api: Api) -> None:
    async with Manager() as pbx:
        path = f"/v1/sources/{(await create(api, pbx))['id']}"
        said = await api.patch(path, {"settings": {"host": "pbx.example"}})
        assert (said.status, said.field) == (422, "settings")
        assert (await api.post(f"{path}/rotate-token")).status == 409
        await api.delete(path)


async def test_requests_are_refused_whatever_they_know(api: Api, nobody: Api) -> None:
    async with Manager() as pbx:
        made = await create(api, pbx)
        for token in (PASSWORD, "a guess"):
            said = await nobody.ask("POST", f"/in/{made['id']}?token={token}", raw=b"{}")
            assert (said.status, said.code) == (409, "conflict")
        await api.delete(f"/v1/sources/{made['id']}")


async def status(api: Api, source_id: str) -> Any:
    return (await api.get(f"/v1/sources/{source_id}/status")).body


async def test_gap_is_counted_and_listed(api: Api) -> None:
    async with Manager() as pbx:
        made = await create(api, pbx)
        await connected(api, made["id"])
        assert (await status(api, made["id"]))["gaps"] == []
        pbx.cut()

        async def lost() -> Any:
            found = await status(api, made["id"])
            return found if found["gaps"] else None

        found = await until(lost)
        assert (found["health"], found["last_day"]["gaps"]) == ("down", 1)
        assert "closed" in found["gaps"][0]["error"]
        await connected(api, made["id"])
        found = await status(api, made["id"])
        assert found["gaps"][0]["until"] >= found["gaps"][0]["since"]
        assert found["health"] == "attention"
        await api.delete(f"/v1/sources/{made['id']}")


async def test_test_of_a_connection_says_what_happened(api: Api) -> None:
    async with Manager() as pbx:
        made = await create(api, pbx)
        await connected(api, made["id"])
        path = f"/v1/sources/{made['id']}"
        assert (await api.post(f"{path}/test"))["ok"] is True
        assert (await connected(api, made["id"]))["error"] is None
        await api.patch(path, {"status": "paused"})
        assert (await api.post(f"{path}/test"))["message"] == "Connected and logged in."
        await api.patch(path, {"secret": "not the password"})
        refused = await api.post(f"{path}/test")
        assert (refused.status, refused["ok"], refused["call_id"]) == (200, False, None)
        assert "refuses the login" in refused["message"]
    gone = await api.post(f"{path}/test")
    assert gone["ok"] is False
    await api.delete(path)


async def test_test_of_a_pbx_that_is_silent_ends(
    api: Api, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aftercall.engine.probe.DEADLINE", 0.2)
    async with Manager() as pbx:
        pbx.mute = True
        made = await create(api, pbx)
        tested = await api.post(f"/v1/sources/{made['id']}/test")
        assert (tested["ok"], tested["message"]) == (False, "No connection within 0.2 s.")
        await api.delete(f"/v1/sources/{made['id']}")
