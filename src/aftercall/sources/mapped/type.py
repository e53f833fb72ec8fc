"""A type of source that is a mapping: what its requests mean is data, and each source may change it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Invalid
from aftercall.engine.reading import shape
from aftercall.engine.upstream import Parsed, Reply, Request
from aftercall.sources.mapped import body
from aftercall.sources.mapped.form import merged
from aftercall.sources.mapped.mapping import Mapping, compiled
from aftercall.sources.mapped.reading import read

SETTING = "settings.mapping"


class Mapped:
    """Told by the source's token. `whole` makes what the paths are followed in of a request."""

    reply = Reply(200)

    def __init__(
        self,
        preset: dict[str, Any],
        timing: Timing = Timing(),  # noqa: B008  # frozen
        *,
        whole: Callable[[Request], Any] = body.body,
        takes_get: bool = True,
    ) -> None:
        self.preset, self.timing, self.takes_get = preset, timing, takes_get
        self._whole = whole

    def read(self, source: Source, request: Request) -> Parsed:
        return read(self.mapping(source), source, request, self._whole(request))

    def check_settings(self, source: Source) -> None:
        """Raise Invalid, naming the setting, unless the source's mapping can be followed."""
        for name in source.settings:
            if name != "mapping":
                raise Invalid.field(f"settings.{name}", "is not a setting of this type; there is `mapping`")
        self.mapping(source)

    def mapping(self, source: Source) -> Mapping:
        """The preset with the source's own parts in it. Raises Invalid."""
        own = source.settings.get("mapping", {})
        if not isinstance(own, dict):
            raise Invalid.field(SETTING, "must be an object", shape(own))
        return _compiled(msgspec.json.encode(merged(self.preset, own)))


def _nothing(_: Request) -> None:
    """Every request is answered alike."""


class SignedMapped(Mapped):
    """Told by the vendor's signature instead. `answer` is for requests that tell nothing but want a reply."""

    def __init__(
        self,
        preset: dict[str, Any],
        verify: Callable[[Source, Request], None],
        timing: Timing = Timing(),  # noqa: B008  # frozen
        *,
        whole: Callable[[Request], Any] = body.body,
        answer: Callable[[Request], Reply | None] = _nothing,
    ) -> None:
        super().__init__(preset, timing, whole=whole, takes_get=False)
        self._verify, self._answer = verify, answer

    def verify(self, source: Source, request: Request) -> None:
        self._verify(source, request)

    def read(self, source: Source, request: Request) -> Parsed:
        reply = self._answer(request)
        return super().read(source, request) if reply is None else Parsed(ignored=1, reply=reply)


@lru_cache(maxsize=256)
def _compiled(written: bytes) -> Mapping:
    return compiled(msgspec.json.decode(written), SETTING)
