"""From what happened on a connection to the outcome of an attempt."""

from base64 import b64encode

from aiosmtplib import SMTPException, SMTPResponse, SMTPResponseException

from aftercall.channels.email.answers import Answer, Phase, known
from aftercall.channels.email.session import NoLoginError, Session, is_answer
from aftercall.channels.email.settings import Settings
from aftercall.channels.webhook import BODY_KEPT, ERRORS, MASK
from aftercall.domain.delivery import ErrorCode, Outcome
from aftercall.net import errors
from aftercall.net.errors import NetError, is_deadline

LOST = (SMTPException, NoLoginError, NetError, OSError)  # OSError: TLS, and the deadline

DOING: dict[Phase | None, str] = {
    None: "waiting for a connection",
    "greeting": "waiting for the server's greeting",
    "hello": "greeting the server",
    "starttls": "negotiating TLS",
    "login": "logging in",
    "sender": "naming the sender",
    "recipient": "naming the recipient",
    "content": "sending the mail",
}


def taken(answer: SMTPResponse, session: Session) -> Outcome:
    return Outcome(
        ok=True,
        status_code=answer.code,
        response_body=_shown(answer.code, answer.message, session),
        address=session.address,
    )


def failed(exc: Exception, session: Session, seconds: float) -> Outcome:
    """A refusal is final or not, as the server says; without an answer it depends on whether the mail had gone."""
    if isinstance(exc, SMTPResponseException) and is_answer(exc):
        return _refused(exc, session)
    if isinstance(exc, NoLoginError):
        detail = (type(exc).__doc__ or "").rstrip(".")
        return Outcome(ok=False, error="config", detail=detail, retry=False, address=session.address)
    error, detail = _explain(exc, session, seconds)
    if session.final:
        detail = f"the server was given the mail and did not say whether it took it: {detail}"
    return Outcome(
        ok=False,
        error=error,
        detail=detail,
        retry=not session.final,
        in_doubt=session.final,
        address=session.address,
    )


def _refused(exc: SMTPResponseException, session: Session) -> Outcome:
    answer = Answer(session.phase or "greeting", exc.code, exc.message)
    found = known(answer)
    code = f"{exc.code} {answer.enhanced}" if answer.enhanced else str(exc.code)
    return Outcome(
        ok=False,
        error=found.error,
        detail=f"{found.hint} (the server answered {code} while {DOING[answer.phase]})",
        retry=found.retry,
        suppress=found.suppress,
        status_code=exc.code,
        provider_code=answer.enhanced or str(exc.code),
        response_body=_shown(exc.code, exc.message, session),
        address=session.address,
    )


def _explain(exc: Exception, session: Session, seconds: float) -> tuple[ErrorCode, str]:
    doing = "waiting for the server's answer to the mail" if session.final else DOING[session.phase]
    if isinstance(exc, NetError):
        return ERRORS[exc.code], exc.detail
    cause = exc.__cause__ if isinstance(exc, SMTPException) else exc
    if cause is None or isinstance(cause, SMTPException):
        why = "the server's answer cannot be read" if isinstance(exc, SMTPResponseException) else ""
        return "protocol", f"{why or 'the server closed the connection'} while {doing}"
    if is_deadline(cause):
        waited = session.settings.answer_seconds if session.final else seconds
        return "timeout", f"no answer within {waited:g} s while {doing}"
    handshake = session.phase == "starttls" or (
        session.phase == "greeting" and session.settings.security == "tls"
    )
    code, detail = errors.explain(cause, "negotiating TLS" if handshake else "waiting for the answer")
    return ERRORS[code], detail


def _shown(code: int, text: str, session: Session) -> str:
    """The head of an answer. No server should repeat a password; the log does not depend on it."""
    for secret in _secrets(session.settings):
        text = text.replace(secret, MASK)
    said = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
    return f"{code} {said}"[:BODY_KEPT]


def _secrets(settings: Settings) -> list[str]:
    """The password, and as it went over the wire with PLAIN and LOGIN."""
    if not settings.password:
        return []
    spoken = (f"\0{settings.username}\0{settings.password}", settings.password)
    return [*(b64encode(text.encode()).decode() for text in spoken), settings.password]
