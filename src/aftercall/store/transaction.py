"""What the rest of this package asks of a database. `sqlite` and `postgres` are the two there are."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from aftercall.store.link import Link
from aftercall.store.statement import Kind

P = ParamSpec("P")
T = TypeVar("T")


class Transaction(Protocol):
    """Committed when its context ends, undone when that ends with an exception."""

    async def run(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T: ...


class Database(Protocol):
    """Work is a plain function of a `Link`. Errors that mean "not now" come out as `Unavailable`."""

    kind: Kind

    async def read(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it on one consistent state of the data."""
        ...

    async def write(self, work: Callable[Concatenate[Link, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it as one transaction; run it again if another transaction got in its way."""
        ...

    def begin(self) -> AbstractAsyncContextManager[Transaction]: ...

    async def listen(self, callback: Callable[[], None]) -> None:
        """Call back when another node has left work to claim; returns at once where there is no other node."""
        ...

    async def close(self) -> None: ...
