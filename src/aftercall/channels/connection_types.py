"""Every type of connection an account may have, literally: the SMS providers, SMPP and SMTP (S3, S7)."""

from aftercall.channels.email.smtp import Smtp
from aftercall.channels.sms.providers import PROVIDERS, TRAITS
from aftercall.channels.sms.smpp import TYPE as SMPP
from aftercall.channels.sms.smpp import Smpp
from aftercall.channels.sms.smpp.settings import check
from aftercall.engine.setup_connection import ConnectionType

SMTP = "smtp"
TITLES = {"generic": "Any HTTP gateway"}  # "The gateway" is for sentences
TYPES: dict[str, ConnectionType] = {
    **{
        name: ConnectionType(
            name=name,
            title=TITLES.get(name, provider.title),
            channel="sms",
            Settings=provider.Settings,
            secrets=provider.secrets,
            traits=provider.traits,
        )
        for name, provider in PROVIDERS.items()
    },
    SMPP: ConnectionType(
        name=SMPP,
        title=Smpp.title,
        channel="sms",
        Settings=Smpp.Settings,
        secrets=Smpp.secrets,
        traits=TRAITS[SMPP],
        keeps=True,
        check=check,
    ),
    SMTP: ConnectionType(
        name=SMTP, title=Smtp.title, channel="email", Settings=Smtp.Settings, secrets=Smtp.secrets
    ),
}
