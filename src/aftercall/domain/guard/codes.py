"""The checks of the guard, in the order of a decision record, with every reason each may give and its hint (S5)."""

from typing import Literal

import msgspec

Severity = Literal["block", "defer", "warn"]


class Spec(msgspec.Struct, frozen=True):
    """One check. `reasons` are the codes it fails or warns with; each with what the admin can do about it."""

    code: str
    title: str
    severity: Severity
    reasons: dict[str, str]

    @property
    def doc_url(self) -> str:
        return f"docs/reference/guard.md#{self.code.replace('.', '')}"


_ALL = (
    Spec("rule.enabled", "The action is enabled", "block", {
        "rule_disabled": "Enable the post-call action, or leave the message unsent",
    }),
    Spec("trigger.duplicate", "This call and action have not sent it before", "block", {
        "duplicate": "It went out already; send it again by hand if that is meant",
    }),
    Spec("recipient.present", "There is somebody to send it to", "block", {
        "no_number": "The call has no number for this role; the source may send it under another field",
        "anonymous_caller": "The caller withheld the number; nothing can be sent",
        "no_address": "The contact or agent has no mail address; add one",
    }),
    Spec("number.valid", "The address can exist", "block", {
        "invalid_number": "Look at the number on the call; set the account's country if it is written nationally",
        "invalid_address": "Correct the mail address",
    }),
    Spec("number.mobile", "The line can receive texts", "block", {
        "landline": "A landline cannot receive texts; send a mail, or ask the contact for a mobile number",
        "not_mobile": "This kind of line cannot receive texts; ask the contact for a mobile number",
        "voip": "Internet lines often receive no texts; watch the receipt",
    }),
    Spec("number.internal", "The recipient is outside and not ourselves", "block", {
        "internal_extension": "Extensions and short codes cannot be texted; give the agent a mobile number",
        "own_number": "Sender and recipient are the same number; use another sender",
    }),
    Spec("suppression.opt_out", "The recipient has not opted out", "block", {
        "opted_out": "Only the recipient can undo this, with START or a new sign-up",
    }),
    Spec("suppression.manual", "Nobody has put the recipient on the list by hand", "block", {
        "suppressed": "Remove the entry from the suppression list if it is no longer wanted",
    }),
    Spec("suppression.complaint", "The recipient has not complained", "block", {
        "complained": "Do not write to this address without the recipient's word in writing",
    }),
    Spec("suppression.fuzzy_review", "No answer is waiting to be read", "block", {
        "pending_review": "Read the recipient's answer and decide: opt them out, or clear the entry",
    }),
    Spec("suppression.provider", "The provider does not refuse the recipient", "block", {
        "opted_out_at_provider": "They opted out with the provider, and have to send START to the sender",
        "bounced": "The mail server says the address does not exist; correct it, then clear the entry",
    }),
    Spec("consent.required", "The recipient has agreed to this kind of message", "block", {
        "no_consent": "Record the consent on the contact, with its source, or send a service message instead",
        "consent_withdrawn": "The consent was withdrawn; it takes a new one",
        "consent_expired": "Ask for a new consent",
    }),
    Spec("dnd.registry", "The recipient is on no do-not-disturb register", "block", {
        "dnd_registered": "Promotional messages to this number are forbidden; send service messages only",
    }),
    Spec("window.local_time", "It is not quiet hours where the recipient is", "defer", {
        "outside_window": "It goes when the window opens; set the contact's time zone if this is not theirs",
        "zone_unknown": "Set the contact's time zone; the account's was used",
    }),
    Spec("frequency.cap", "The recipient has not had too many messages", "block", {
        "frequency_cap": "Wait, or change the cap in the account's policies",
    }),
    Spec("sender.available", "The sender exists and may be used for this", "block", {
        "sender_not_found": "Choose another sender in the action",
        "sender_paused": "Enable the sender, or choose another one in the action",
        "sender_not_allowed": "Choose a sender that may be used for this category",
        "default_sender": "Name a sender in the action, so that it can be checked before sending",
    }),
    Spec("sender.us_registration", "The sender is registered with the US carriers", "block", {
        "sender_not_registered": "Register brand and campaign (A2P 10DLC) and tick it on the sender: carriers "
        "block it else (Twilio 30034)",
        "toll_free_not_verified": "Verify the toll-free number and tick it on the sender: carriers block it else "
        "(Twilio 30032)",
    }),
    Spec("sender.country", "The sender may write to the recipient's country", "block", {
        "sender_wrong_country": "Add a sender for this country, or the country to the sender",
    }),
    Spec("sender.daily_cap", "The sender has messages left today", "defer", {
        "sender_daily_cap": "It goes tomorrow; raise the sender's cap, or add a sender",
    }),
    Spec("dlt.entity", "India: the principal entity is named", "block", {
        "dlt_entity_missing": "Put the principal entity's id (PE id) on the template or sender",
        "dlt_entity_mismatch": "The header belongs to another entity than the template; use one of the same entity",
    }),
    Spec("dlt.header", "India: the header fits the category", "block", {
        "dlt_header_invalid": "Use the registered header: 3 to 6 letters, or 6 digits for promotional messages; "
        "no suffix like -P or -S",
    }),
    Spec("dlt.template", "India: the text is that of a registered template", "block", {
        "dlt_template_missing": "Put the id of the registered content template on the template",
        "dlt_template_mismatch": "Change the text so that it is the registered one, or register this one",
    }),
    Spec("dlt.variables", "India: the variables are what was registered", "block", {
        "dlt_variable_too_long": "Shorten the value, or register the template with several variables in a row",
        "dlt_variable_type": "The value does not fit the variable's registered type",
        "dlt_url_not_whitelisted": "Register the link with the DLT operator, or leave it out",
    }),
    Spec("dlt.category_window", "India: the category may be sent at this hour", "defer", {
        "outside_window": "It goes when the window opens (operators reject it else with 651); service messages "
        "that answer the customer may go at any hour",
    }),
    Spec("content.unresolved_placeholder", "Every placeholder has a value", "block", {
        "placeholder_missing": "Give the placeholder a default, or see why the call has no such value",
    }),
    Spec("content.length", "The text is neither empty nor too long", "block", {
        "empty": "The template made no text; write one, or give its placeholders defaults",
        "too_long": "Shorten the template, or cut long values with the filter `truncate`",
    }),
    Spec("content.sensitive", "The text gives no secret away", "block", {
        "sensitive_content": "Take the number out of the text, or mask it",
    }),
    Spec("content.link", "Links and the way to opt out will pass the carriers", "warn", {
        "shared_shortener": "Carriers filter shared link shorteners; use a link of your own domain",
        "no_way_out": "This sender cannot be answered: give a link or a number to opt out in the text",
    }),
    Spec("credit.balance", "There is credit for it", "block", {}),
    Spec("connection.state", "The way out is open", "defer", {
        "no_connection": "Set up a connection for this channel, or choose another one in the action",
        "connection_disabled": "Enable the connection",
        "connection_paused": "It goes when the connection is resumed",
    }),
    Spec("expiry", "It is still worth sending", "block", {
        "stale": "The event is older than the action's maximum age, or will be when the message may go; raise it "
        "if such a message is wanted",
    }),
)  # fmt: skip
CHECKS: dict[str, Spec] = {spec.code: spec for spec in _ALL}
