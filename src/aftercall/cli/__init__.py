"""The command line: arguments in, calls out. `aftercall --help` lists the commands."""

import os
import sys

from cyclopts import App

from aftercall import __version__
from aftercall.cli.backup import backup
from aftercall.cli.connections import connections, senders
from aftercall.cli.contacts import contacts, suppressions
from aftercall.cli.demo import catch, demo
from aftercall.cli.doctor import doctor
from aftercall.cli.dry_run import dry_run
from aftercall.cli.keys import accounts, keys
from aftercall.cli.look import calls, deliveries, replay, webhooks
from aftercall.cli.messages import explain_sms, messages
from aftercall.cli.rebuild import rebuild
from aftercall.cli.rules import rules, templates
from aftercall.cli.send import send
from aftercall.cli.serve import migrate, serve
from aftercall.cli.settings import config
from aftercall.cli.shell import FAILED, MISUSED, UNREACHABLE, Failure, fail
from aftercall.cli.sources import sources
from aftercall.cli.spool import spool
from aftercall.client import Refused, Unreachable
from aftercall.config import ConfigError

app = App(
    name="aftercall",
    version=__version__,
    help="The open-source after-call services server.",
    help_format="plaintext",
    result_action="return_value",
)
sources.command(dry_run, name="dry-run")
app.command(explain_sms, name="explain-sms")
for command in (serve, migrate, demo, send, spool, replay, rebuild, backup, doctor, config, catch):
    app.command(command)
for group in (keys, accounts, webhooks, calls, deliveries, messages, sources):
    app.command(group)
for group in (connections, senders, templates, rules, contacts, suppressions):
    app.command(group)


def main() -> None:
    """The entry point: what goes wrong becomes a message and an exit code."""
    os.umask(0o077)  # databases, backups and keys are nobody else's business
    try:
        app()
    except Failure as failure:
        fail(failure)
    except ConfigError as error:
        fail(Failure(str(error), MISUSED))
    except Refused as refusal:
        hint = "The key is not known to this server, or has been revoked." if refusal.status == 401 else ""
        fail(Failure(str(refusal), FAILED, hint))
    except Unreachable as error:
        fail(Failure(str(error), UNREACHABLE, "Is it running? Another address can be given with --url."))
    except BrokenPipeError:
        sys.exit(FAILED)  # whoever read our output has left
    except KeyboardInterrupt:
        sys.exit(130)
