"""Every SMS provider, literally: a new one is its file, its fixtures, one line here and one page of docs (S3)."""

from aftercall.channels.sms.exotel import exotel
from aftercall.channels.sms.generic import generic
from aftercall.channels.sms.gupshup import gupshup
from aftercall.channels.sms.kannel import kannel
from aftercall.channels.sms.msg91 import msg91
from aftercall.channels.sms.plivo import plivo
from aftercall.channels.sms.smpp import TYPE as SMPP
from aftercall.channels.sms.telnyx import telnyx
from aftercall.channels.sms.twilio import twilio
from aftercall.channels.sms.vonage import vonage
from aftercall.engine.messaging import SmsProvider, Traits

PROVIDERS: dict[str, SmsProvider] = {
    "exotel": exotel,
    "generic": generic,
    "gupshup": gupshup,
    "kannel": kannel,
    "msg91": msg91,
    "plivo": plivo,
    "telnyx": telnyx,
    "twilio": twilio,
    "vonage": vonage,
}
# SMPP keeps a connection open, so it is no `SmsProvider`; what it can do is told all the same.
TRAITS: dict[str, Traits] = {
    SMPP: Traits(dlt=True, longest=255 * 153),
    **{name: provider.traits for name, provider in PROVIDERS.items()},
}
