"""SMPP 3.4, the protocol of SMSCs and aggregators: our own client, one bound connection for each login (S3)."""

from aftercall.channels.sms.smpp.holding import Status, Waits
from aftercall.channels.sms.smpp.settings import Settings, settings_of
from aftercall.channels.sms.smpp.smpp import TYPE, Smpp

__all__ = ["TYPE", "Settings", "Smpp", "Status", "Waits", "settings_of"]
