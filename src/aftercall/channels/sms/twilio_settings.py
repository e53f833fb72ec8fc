"""What an admin fills in for Twilio (S3)."""

from typing import Annotated

from msgspec import Meta

from aftercall.channels.sms.settings import ProviderSettings, Secret


class TwilioSettings(ProviderSettings, frozen=True, kw_only=True):
    account_sid: Annotated[
        str,
        Meta(
            title="Account SID",
            description="On the first page of the Twilio console.",
            pattern="^AC[0-9a-fA-F]{32}$",
            examples=["AC" + 32 * "0"],
        ),
    ]
    auth_token: Annotated[
        Secret, Meta(title="Auth token", description="Beside the account SID. It signs the callbacks, too.")
    ]
    api_key_sid: Annotated[
        str,
        Meta(
            title="API key",
            description="Where texts are to be sent with an API key instead of the auth token.",
            pattern="^(SK[0-9a-fA-F]{32})?$",
        ),
    ] = ""
    api_key_secret: Annotated[str, Meta(title="Secret of the API key", max_length=500)] = ""
    signing_secret: Annotated[
        str,
        Meta(
            title="Secret of a shared key",
            description="Where Twilio signs callbacks with a shared key (HMAC_SHA256), not the auth token.",
            max_length=500,
        ),
    ] = ""
    messaging_service_sid: Annotated[
        str,
        Meta(
            title="Messaging service",
            description="Its pool of senders is used; with a sender as well, that one of the pool.",
            pattern="^(MG[0-9a-fA-F]{32})?$",
        ),
    ] = ""
    smart_encoded: Annotated[
        bool,
        Meta(
            title="Smart encoding",
            description="Twilio replaces typographic characters, so texts are shorter.",
        ),
    ] = False
    say_intent: Annotated[
        bool,
        Meta(
            title="Say what texts are for",
            description="For accounts with the Compliance Toolkit (MessageIntent).",
        ),
    ] = False
