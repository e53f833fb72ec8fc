"""A mail server in a process of its own (aiosmtpd): takes every mail and forgets it.

Run: python -m benchmarks.mailserver PORT
"""

import asyncio
import logging
import sys

from aiosmtpd.smtp import SMTP


class Taking:
    async def handle_DATA(self, *_: object) -> str:  # noqa: N802
        return "250 2.0.0 Ok"


async def main(port: int) -> None:
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Taking(), loop=loop, hostname="mail.test"), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
