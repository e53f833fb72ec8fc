"""The messages of a rule that names no template: the summary of the call, as a text and as a mail (S4).

A text has the caller ID, the contact's name and the summary. A mail has also the type of phone, the duration, the
whole transcript and the link to the recording. Colours of the mail keep their contrast in dark mode.
"""

from datetime import UTC, datetime

from aftercall.domain.message_template import MessageTemplate

SMS_SUMMARY = "tpl_sms_summary"
EMAIL_SUMMARY = "tpl_email_summary"
_SINCE = datetime(2026, 11, 20, tzinfo=UTC)

_SMS = "{{ customer.label }}: {{ call.summary | truncate: 1000 }}"
_PHONE = "{{ customer.phone_type | default: 'unknown' | replace: 'voip', 'VoIP' | replace: '_', ' ' }}"
_LENGTH = "{{ call.duration_seconds | default: 0 | duration }}"
_TEXT = f"""{{{{ call.title }}}}

{{{{ call.summary }}}}

Caller: {{{{ customer.label }}}}
Phone type: {_PHONE}
Duration: {_LENGTH}
Recording: {{{{ call.recording_url | default: 'none' }}}}

Transcript
{{{{ call.transcript_text | default: 'none' }}}}
"""
_STYLE = """
body { margin: 0; padding: 24px 12px; background: #f3f4f6; color: #1f2933;
  font: 16px/1.5 -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; }
.card { width: 100%; max-width: 600px; margin: 0 auto; border-collapse: separate; border-spacing: 0;
  background: #ffffff; border: 1px solid #d9dee5; border-radius: 12px; }
.inside { padding: 28px; }
h1 { margin: 0 0 16px; font-size: 21px; line-height: 1.3; color: #111827; overflow-wrap: anywhere; }
h2 { margin: 28px 0 8px; font-size: 14px; color: #52606d; }
.summary { margin: 0; padding: 14px 16px; background: #eef4fb; border-left: 4px solid #2563a8;
  border-radius: 4px; color: #1f2933; overflow-wrap: anywhere; }
.facts { width: 100%; margin-top: 20px; border-collapse: collapse; font-size: 15px; }
.facts th { padding: 7px 12px 7px 0; border-bottom: 1px solid #e5e9ee; width: 110px; text-align: left;
  vertical-align: top; font-weight: normal; color: #52606d; }
.facts td { padding: 7px 0; border-bottom: 1px solid #e5e9ee; color: #1f2933; overflow-wrap: anywhere; }
.button { display: inline-block; margin-top: 22px; padding: 11px 20px; border-radius: 8px; background: #2563a8;
  color: #ffffff; text-decoration: none; font-weight: 600; }
.turn { margin: 0 0 10px; color: #1f2933; overflow-wrap: anywhere; }
.who { color: #52606d; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  body { background: #14181d !important; }
  .card { background: #1f252c !important; border-color: #39424d !important; }
  h1, .facts td, .turn { color: #eef1f4 !important; }
  h2, .facts th, .who { color: #aeb8c3 !important; }
  .facts th, .facts td { border-color: #39424d !important; }
  .summary { background: #1b3148 !important; border-color: #6aa5e0 !important; color: #eef1f4 !important; }
  .button { background: #2f74bd !important; color: #ffffff !important; }
}
@media (max-width: 480px) { .inside { padding: 20px !important; } }
"""
_HTML = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{{{ call.title }}}}</title>
<style>{_STYLE}</style>
</head>
<body>
<table class="card" role="presentation" align="center"><tr><td class="inside">
<h1>{{{{ call.title }}}}</h1>
<p class="summary">{{{{ call.summary | newline_to_br }}}}</p>
<table class="facts">
<tr><th scope="row">Caller</th><td>{{{{ customer.label }}}}</td></tr>
<tr><th scope="row">Phone type</th><td>{_PHONE}</td></tr>
<tr><th scope="row">Duration</th><td>{_LENGTH}</td></tr>
</table>
{{% if call.recording_url %}}<a class="button" href="{{{{ call.recording_url }}}}">Listen to the recording</a>{{% endif %}}
{{% if call.transcript.turns %}}<h2>Transcript</h2>
{{% for turn in call.transcript.turns %}}<p class="turn"><span class="who">{{{{ turn.role | default: '?' }}}}:</span> {{{{ turn.text | default: '' | newline_to_br }}}}</p>
{{% endfor %}}{{% elsif call.transcript_text %}}<h2>Transcript</h2>
<p class="turn">{{{{ call.transcript_text }}}}</p>
{{% endif %}}</td></tr></table>
</body>
</html>
"""  # noqa: E501  (a line of HTML is a line of the mail)


def sms_summary(account_id: str) -> MessageTemplate:
    """The text a rule without a template sends."""
    return MessageTemplate(
        id=SMS_SUMMARY,
        account_id=account_id,
        name="Call summary",
        channel="sms",
        category="service_implicit",
        text=_SMS,
        created_at=_SINCE,
        updated_at=_SINCE,
    )


def email_summary(account_id: str) -> MessageTemplate:
    """The mail a rule without a template sends."""
    return MessageTemplate(
        id=EMAIL_SUMMARY,
        account_id=account_id,
        name="Call summary",
        channel="email",
        category="service_implicit",
        subject="{{ call.title }}",
        text=_TEXT,
        html=_HTML,
        created_at=_SINCE,
        updated_at=_SINCE,
    )
