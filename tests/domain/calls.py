# Life-like calls, written as the facts a source would tell. Suites about triggers, payloads and the demo use them.
#
# A call begins at START; a fact's time is given in seconds after it. Natural ids are the call's name and a number,
# so a script tells the same facts each time.

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aftercall.domain.fact import Agent, Data, Fact, Hangup, Kind, Named, Recording, Transfer, Voicemail

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

CUSTOMER = "+447700900123"
OTHER_CUSTOMER = "+447700900456"
DID = "+442079460101"
ASHA = Agent(id="101", name="Asha Rao", number="+442079460111", follow_me_number="+447700900901")
BEN = Agent(id="102", name="Ben Okafor", number="+442079460112")
CHLOE = Agent(id="103", name="Chloe Martin", number="+442079460113")
RITA = Agent(id="rita", name="Rita", kind="ai")
MAIN_MENU = Named(id="4711", name="Main menu")
SUPPORT = Named(id="s1", name="Support")
SALES = Named(id="s2", name="Sales")
SPRING = Named(id="c7", name="Spring renewal")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Script:
    """Writes down a call: `say` adds a fact, `facts` is the call."""

    def __init__(self, call_key: str = "call-1") -> None:
        self.call_key = call_key
        self.facts: list[Fact] = []

    def say(
        self, kind: Kind, seconds: float, leg: str | None = None, seq: int | None = None, **data: Any
    ) -> "Script":
        self.facts.append(
            Fact(
                kind=kind,
                call_key=self.call_key,
                occurred_at=at(seconds),
                natural_id=f"{self.call_key}-{len(self.facts) + 1}",
                leg=leg,
                seq=seq,
                data=Data(**data),
            )
        )
        return self


def inbound(call_key: str) -> Script:
    """A call from the customer to our number, heard of as it reaches the server."""
    return Script(call_key).say(
        Kind.RECEIVED, 0, leg="in", from_=CUSTOMER, to=DID, did=DID, uuid=f"{call_key}-in"
    )


def outbound(call_key: str, **data: Any) -> Script:
    said: dict[str, Any] = {"from_": DID, "caller_id": DID, "to": OTHER_CUSTOMER, "uuid": f"{call_key}-out"}
    return Script(call_key).say(Kind.INITIATED, 0, leg="out", **(said | data))


def to_queue(script: Script) -> Script:
    """Through the menu, key 1, into the queue at 6 s."""
    return (
        script.say(Kind.IVR_ANSWERED, 0.5, ivr=MAIN_MENU)
        .say(Kind.DTMF, 5.5, digit="1")
        .say(Kind.DEPARTMENT_ENTERED, 6, queue=SUPPORT, position=1)
    )


def answered_via_menu_and_queue() -> list[Fact]:
    """Asha misses it, Ben answers at 20 s; they talk for 65 s, 10 of which on hold; the caller hangs up."""
    return (
        to_queue(inbound("answered"))
        .say(Kind.AGENT_DIALED, 7, leg="a1", agent=ASHA)
        .say(Kind.AGENT_MISSED, 15, leg="a1", agent=ASHA, hangup=Hangup(cause="NO_ANSWER", cause_code=19))
        .say(Kind.AGENT_DIALED, 16, leg="a2", agent=BEN)
        .say(Kind.AGENT_ANSWERED, 20, leg="a2", agent=BEN)
        .say(Kind.CONNECTED, 20, leg="a2", agent=BEN)
        .say(Kind.RECORDING_STARTED, 20.1, recording=Recording(id="rec-1"))
        .say(Kind.HELD, 40, leg="a2")
        .say(Kind.RESUMED, 50, leg="a2")
        .say(Kind.ENDED, 85, leg="in", hangup=Hangup(cause="NORMAL_CLEARING", cause_code=16, by="caller"))
        .facts
    )


def missed_no_answer() -> list[Fact]:
    """Asha's phone rings for 8 s."""
    return (
        inbound("missed")
        .say(Kind.RINGING, 0.2, leg="a1")
        .say(Kind.AGENT_DIALED, 0.2, leg="a1", agent=ASHA)
        .say(Kind.AGENT_MISSED, 8.2, leg="a1", agent=ASHA, reason="no_answer")
        .say(Kind.ENDED, 8.3, leg="in", hangup=Hangup(cause="NORMAL_CLEARING", cause_code=16, by="system"))
        .facts
    )


def busy() -> list[Fact]:
    return (
        inbound("busy")
        .say(Kind.AGENT_DIALED, 0.2, leg="a1", agent=ASHA)
        .say(Kind.AGENT_MISSED, 0.3, leg="a1", agent=ASHA, hangup=Hangup(cause="USER_BUSY", cause_code=17))
        .say(Kind.ENDED, 0.4, leg="in", hangup=Hangup(cause="USER_BUSY", cause_code=17))
        .facts
    )


def abandoned_in_queue() -> list[Fact]:
    """The caller leaves the queue while Asha's phone rings for the second time."""
    return (
        to_queue(inbound("abandoned"))
        .say(Kind.AGENT_DIALED, 7, leg="a1", agent=ASHA)
        .say(Kind.AGENT_MISSED, 15, leg="a1", agent=ASHA, reason="no_answer")
        .say(Kind.AGENT_DIALED, 16, leg="a2", agent=ASHA)
        .say(Kind.ENDED, 19, leg="in", hangup=Hangup(cause="NORMAL_CLEARING", cause_code=16, by="caller"))
        .facts
    )


def abandoned_in_menu() -> list[Fact]:
    return (
        inbound("menu")
        .say(Kind.ANSWERED, 0.4)
        .say(Kind.IVR_ANSWERED, 0.5, ivr=MAIN_MENU)
        .say(Kind.ENDED, 9, leg="in", hangup=Hangup(cause_code=16, by="caller"))
        .facts
    )


def auto_attendant_answered() -> list[Fact]:
    return (
        inbound("attendant")
        .say(Kind.AUTO_ATTENDANT_ENTERED, 1, auto_attendant=Named(id="aa1", name="Reception"))
        .say(Kind.AGENT_DIALED, 12, leg="a1", agent=ASHA)
        .say(Kind.AGENT_ANSWERED, 15, leg="a1", agent=ASHA)
        .say(Kind.CONNECTED, 15, leg="a1", agent=ASHA)
        .say(Kind.ENDED, 45, leg="in", hangup=Hangup(by="agent"))
        .facts
    )


def voicemail() -> list[Fact]:
    """Asha does not answer; the caller leaves a message of 12 s."""
    return (
        inbound("voicemail")
        .say(Kind.AGENT_DIALED, 0.2, leg="a1", agent=ASHA)
        .say(Kind.AGENT_MISSED, 10.2, leg="a1", agent=ASHA, reason="no_answer")
        .say(Kind.VOICEMAIL_STARTED, 10.4, voicemail=Voicemail(box="101"))
        .say(Kind.VOICEMAIL_LEFT, 24, voicemail=Voicemail(box="101", seconds=12))
        .say(Kind.ENDED, 24.1, leg="in", hangup=Hangup(by="caller"))
        .facts
    )


def click_to_call(call_key: str) -> Script:
    return outbound(call_key, call_type="click_to_call").say(Kind.AGENT_DIALED, 0.1, leg="a1", agent=ASHA)


def click_to_call_answered() -> list[Fact]:
    return (
        click_to_call("c2c-answered")
        .say(Kind.AGENT_ANSWERED, 2, leg="a1", agent=ASHA)
        .say(Kind.CUSTOMER_DIALED, 2.1, leg="c1", to=OTHER_CUSTOMER)
        .say(Kind.CUSTOMER_ANSWERED, 7, leg="c1")
        .say(Kind.CONNECTED, 7, leg="c1")
        .say(Kind.ENDED, 37, hangup=Hangup(by="callee", cause_code=16))
        .facts
    )


def click_to_call_customer_missed() -> list[Fact]:
    return (
        click_to_call("c2c-customer")
        .say(Kind.AGENT_ANSWERED, 2, leg="a1", agent=ASHA)
        .say(Kind.CUSTOMER_DIALED, 2.1, leg="c1", to=OTHER_CUSTOMER)
        .say(Kind.CUSTOMER_MISSED, 22.1, leg="c1", hangup=Hangup(cause="NO_ANSWER", cause_code=19))
        .say(Kind.ENDED, 22.2, hangup=Hangup(by="system", cause_code=16))
        .facts
    )


def click_to_call_agent_no_answer() -> list[Fact]:
    """The customer is never called."""
    return (
        click_to_call("c2c-agent")
        .say(Kind.AGENT_MISSED, 8, leg="a1", agent=ASHA, hangup=Hangup(cause="NO_ANSWER", cause_code=19))
        .say(Kind.ENDED, 8.1, hangup=Hangup(by="system", cause_code=16))
        .facts
    )


def dialer_with_disposition() -> list[Fact]:
    """A campaign's call: answered by the customer, connected to Asha, labelled when she is done with it."""
    lead = {"id": "lead-9", "first_name": "Dana", "policy": "P-1188"}
    return (
        outbound("dialer", call_type="dialer", campaign=SPRING, lead=lead)
        .say(Kind.SESSION_ANSWERED, 0.1, leg="session-1", agent=ASHA)
        .say(Kind.CUSTOMER_DIALED, 0.2, leg="c1", to=OTHER_CUSTOMER)
        .say(Kind.CUSTOMER_ANSWERED, 6, leg="c1")
        .say(Kind.AGENT_ANSWERED, 6.5, leg="a1", agent=ASHA)
        .say(Kind.CONNECTED, 6.5, leg="a1", agent=ASHA)
        .say(Kind.ENDED, 66.5, hangup=Hangup(by="callee", cause_code=16))
        .say(
            Kind.DISPOSITION_UPDATED, 80, disposition="Interested", sub_disposition="Call back", by="Asha Rao"
        )
        .say(Kind.WRAPPED_UP, 86.5, wrap_up_seconds=20, notes="Wants the renewal terms by mail.")
        .facts
    )


def outbound_answered() -> list[Fact]:
    """Asha dials the customer from her phone."""
    return (
        outbound("outbound", agent=ASHA)
        .say(Kind.RINGING, 1, leg="c1")
        .say(Kind.CUSTOMER_DIALED, 0.5, leg="c1", to=OTHER_CUSTOMER)
        .say(Kind.CUSTOMER_ANSWERED, 3, leg="c1")
        .say(Kind.CONNECTED, 3, leg="c1")
        .say(Kind.ENDED, 7, hangup=Hangup(by="callee", cause_code=16))
        .facts
    )


def outbound_no_answer() -> list[Fact]:
    return (
        outbound("rings-out", agent=ASHA)
        .say(Kind.CUSTOMER_DIALED, 0.5, leg="c1", to=OTHER_CUSTOMER)
        .say(Kind.CUSTOMER_MISSED, 10.5, leg="c1", hangup=Hangup(cause="NO_ANSWER", cause_code=19))
        .say(Kind.ENDED, 10.6, hangup=Hangup(by="system", cause_code=16))
        .facts
    )


def blind_transfer() -> list[Fact]:
    """Asha answers, after 3 s transfers blindly to Ben, who answers 2 s later and talks for 4 s."""
    return (
        inbound("transfer")
        .say(Kind.AGENT_DIALED, 0.1, leg="a1", agent=ASHA)
        .say(Kind.AGENT_ANSWERED, 1, leg="a1", agent=ASHA)
        .say(Kind.CONNECTED, 1, leg="a1", agent=ASHA)
        .say(Kind.TRANSFERRED, 4, leg="a1", transfer=Transfer(kind="blind", from_agent=ASHA, to="102"))
        .say(Kind.AGENT_DIALED, 4.1, leg="a2", agent=BEN)
        .say(Kind.AGENT_ANSWERED, 6, leg="a2", agent=BEN)
        .say(Kind.CONNECTED, 6, leg="a2", agent=BEN)
        .say(Kind.ENDED, 10, leg="in", hangup=Hangup(by="agent", cause_code=16))
        .facts
    )


def ring_group() -> list[Fact]:
    """Three phones ring; Ben answers; the others lose the race, one of them without a word."""
    return (
        inbound("group")
        .say(Kind.AGENT_DIALED, 0.1, leg="a1", agent=ASHA)
        .say(Kind.AGENT_DIALED, 0.1, leg="a2", agent=BEN)
        .say(Kind.AGENT_DIALED, 0.1, leg="a3", agent=CHLOE)
        .say(Kind.AGENT_ANSWERED, 2, leg="a2", agent=BEN)
        .say(Kind.AGENT_MISSED, 2.1, leg="a1", agent=ASHA, hangup=Hangup(cause="LOSE_RACE", cause_code=26))
        .say(Kind.CONNECTED, 2, leg="a2", agent=BEN)
        .say(Kind.ENDED, 6, leg="in", hangup=Hangup(by="agent", cause_code=16))
        .facts
    )


def ai_agent() -> list[Fact]:
    """Rita takes the call and hands it to Ben when asked for a person."""
    return (
        Script("ai")
        .say(Kind.RECEIVED, 0, leg="in", from_=CUSTOMER, to=DID, did=DID, call_type="ai_agent")
        .say(Kind.AGENT_ANSWERED, 0.8, leg="ai", agent=RITA)
        .say(Kind.CONNECTED, 0.8, leg="ai", agent=RITA)
        .say(Kind.TRANSFERRED, 60.8, leg="ai", transfer=Transfer(kind="ai", from_agent=RITA, to="102"))
        .say(Kind.AGENT_DIALED, 61, leg="a1", agent=BEN)
        .say(Kind.AGENT_ANSWERED, 65, leg="a1", agent=BEN)
        .say(Kind.CONNECTED, 65, leg="a1", agent=BEN)
        .say(Kind.ENDED, 95, leg="in", hangup=Hangup(by="caller"))
        .facts
    )


def posted_record() -> list[Fact]:
    """A finished call, posted as one record."""
    return (
        Script("record")
        .say(
            Kind.COMPLETED,
            75,
            direction="inbound",
            from_=CUSTOMER,
            to=DID,
            did=DID,
            status="answered",
            agent=ASHA,
            queue=SUPPORT,
            started_at=at(0),
            answered_at=at(2),
            connected_at=at(15),
            ended_at=at(75),
            wait_seconds=10,
            recording=Recording(id="rec-1", url="https://pbx.example.com/recordings/rec-1.mp3"),
            custom_fields={"ticket": "T-77"},
        )
        .facts
    )


CALLS: dict[str, Callable[[], list[Fact]]] = {
    "answered via menu and queue": answered_via_menu_and_queue,
    "missed, no answer": missed_no_answer,
    "missed, busy": busy,
    "abandoned in queue": abandoned_in_queue,
    "abandoned in menu": abandoned_in_menu,
    "answered via auto attendant": auto_attendant_answered,
    "voicemail": voicemail,
    "click to call, answered": click_to_call_answered,
    "click to call, customer missed": click_to_call_customer_missed,
    "click to call, agent no answer": click_to_call_agent_no_answer,
    "dialer with disposition": dialer_with_disposition,
    "outbound, answered": outbound_answered,
    "outbound, no answer": outbound_no_answer,
    "blind transfer": blind_transfer,
    "ring group": ring_group,
    "ai agent": ai_agent,
    "posted record": posted_record,
}
