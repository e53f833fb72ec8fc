# Calls as a FreeSWITCH would tell them; written from documentation (pbx.py).

from tests.sources.freeswitch.pbx import DID, Pbx

CUSTOMER = "447700900456"


def answered() -> Pbx:
    """The caller is answered by 101 after eight seconds, talks for a minute, hangs up."""
    pbx = Pbx().caller(ac_crm="A 17").dial(0.1, "b", "101", "a").ring(0.3, "b")
    return pbx.talk(8, "a", "b").hang_up(68.002, "a", "b")


def answered_agent_hangs_up() -> Pbx:
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b")
    return pbx.talk(8, "a", "b").hang_up(20.002, "b", "a")


def missed() -> Pbx:
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b")
    return pbx.gone(20, "b", "NO_ANSWER", "send_cancel").gone(20.1, "a", "NO_ANSWER", "send_refuse")


def busy() -> Pbx:
    pbx = Pbx().caller().dial(0.1, "b", "101", "a")
    pbx.gone(0.4, "b", "USER_BUSY", "recv_refuse", sip_term_status="486")
    return pbx.gone(0.5, "a", "USER_BUSY", "send_refuse", sip_term_status="486")


def cancelled() -> Pbx:
    """The ends of both legs may come in either order: here the dialled one's is first."""
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b")
    return pbx.gone(6.1, "b", "ORIGINATOR_CANCEL", "send_cancel").gone(
        6, "a", "ORIGINATOR_CANCEL", "recv_cancel"
    )


def ring_group() -> Pbx:
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").dial(0.1, "c", "102", "a").ring(0.3, "b").ring(0.3, "c")
    pbx.answer(5, "c").gone(5.01, "b", "LOSE_RACE", "send_cancel").answer(5.02, "a").bridge(5.03, "a", "c")
    return pbx.hang_up(30.03, "c", "a")


def menu_and_queue() -> Pbx:
    """A menu, a key, the queue; jordan misses, casey answers."""
    pbx = Pbx().caller().answer(0.5, "a").say(1, "menu::enter", "a", **{"Menu-Name": "main"})
    pbx.say(4, "DTMF", "a", **{"DTMF-Digit": "2", "DTMF-Duration": "1600"})
    pbx.say(4.1, "menu::exit", "a", **{"Menu-Name": "main"})
    pbx.set("a", cc_side="member", cc_queue="support@default").queue(5, "member-queue-start", "a")
    pbx.agent(6, "j", "jordan", "101", "a").ring(6.2, "j").gone(16, "j", "NO_ANSWER", "send_cancel")
    pbx.queue(16.1, "bridge-agent-fail", "a", "jordan", **{"CC-Hangup-Cause": "NO_ANSWER"})
    pbx.agent(17, "k", "casey", "102", "a").ring(17.2, "k").answer(23, "k")
    times = {"CC-Agent-Called-Time": "1795165217", "CC-Agent-Answered-Time": "1795165223"}
    pbx.queue(23.01, "bridge-agent-start", "a", "casey", **times).bridge(23.02, "a", "k")
    pbx.unbridge(63.02, "a", "k").queue(63.03, "bridge-agent-end", "a", "casey")
    pbx.queue(63.04, "member-queue-end", "a", **{"CC-Cause": "Terminated"})
    return pbx.gone(63.03, "a", how="recv_bye").gone(63.04, "k")


def queue_abandoned() -> Pbx:
    pbx = Pbx().caller().answer(0.5, "a").queue(1, "member-queue-start", "a")
    pbx.agent(2, "j", "jordan", "101", "a").ring(2.2, "j").gone(9.1, "j", "ORIGINATOR_CANCEL", "send_cancel")
    pbx.queue(9.05, "member-queue-end", "a", **{"CC-Cause": "Cancel", "CC-Cancel-Reason": "NONE"})
    return pbx.gone(9, "a", how="recv_bye", cc_cause="cancel", cc_cancel_reason="NONE", cc_side="member")


def queue_ring_all() -> Pbx:
    """Two agents ring; the one who is slower is cancelled as if the caller had gone."""
    pbx = Pbx().caller().answer(0.5, "a").queue(1, "member-queue-start", "a")
    pbx.agent(2, "j", "jordan", "101", "a").agent(2, "k", "casey", "102", "a").ring(2.2, "j").ring(2.2, "k")
    pbx.answer(7, "k").gone(7.01, "j", "ORIGINATOR_CANCEL", "send_cancel").bridge(7.02, "a", "k")
    return pbx.unbridge(17.02, "a", "k").gone(17.03, "a", how="recv_bye").gone(17.04, "k")


def queue_timeout() -> Pbx:
    pbx = Pbx().caller().answer(0.5, "a").queue(1, "member-queue-start", "a")
    pbx.queue(30, "bridge-agent-fail", "a", "jordan", **{"CC-Hangup-Cause": "USER_NOT_REGISTERED"})
    pbx.queue(31, "member-queue-end", "a", **{"CC-Cause": "Cancel", "CC-Cancel-Reason": "TIMEOUT"})
    return pbx.gone(31.1, "a", cc_cause="cancel", cc_cancel_reason="TIMEOUT", cc_side="member")


def blind_transfer() -> Pbx:
    """101 sends the caller to 102 by REFER; 102 answers."""
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b")
    source = "1795165215:7f-1:bl_xfer:102/default/XML"
    pbx.set("a", transfer_source=source).unbridge(15.002, "a", "b")
    pbx.gone(15.01, "b", "BLIND_TRANSFER", "recv_bye")
    pbx.dial(15.1, "c", "102", "a").ring(15.3, "c").talk(20, "a", "c")
    return pbx.unbridge(40.002, "a", "c").gone(40.003, "a", how="recv_bye").gone(40.004, "c")


def attended_transfer() -> Pbx:
    """101 asks 102 in a call of their own, then joins the caller with 102 (REFER with Replaces)."""
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b")
    pbx.say(10, "CHANNEL_HOLD", "b").phone_calls(11, "x", "101", "102").dial(11.1, "c", "102", "x", "101")
    pbx.ring(11.3, "c").talk(14, "x", "c")
    source = "1795165220:7f-2:att_xfer:101@pbx.example/102@192.0.2.9"
    pbx.unbridge(20, "a", "b").unbridge(20.001, "x", "c")
    pbx.set("a", transfer_source=source).set("c", transfer_source=source).bridge(20.002, "a", "c")
    pbx.gone(20.01, "b", "ATTENDED_TRANSFER", "recv_bye").gone(20.02, "x", "ATTENDED_TRANSFER", "recv_bye")
    pbx.legs["c"]["Channel-Call-UUID"] = pbx.legs["c"]["Unique-ID"]  # reset when the bridge was over
    return pbx.unbridge(50.002, "a", "c").gone(50.003, "c", how="recv_bye").gone(50.004, "a")


def voicemail() -> Pbx:
    """Nobody answers, the caller leaves twelve seconds of message."""
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").gone(15, "b", "NO_ANSWER", "send_cancel")
    pbx.answer(15.2, "a")
    message = {
        "VM-Action": "leave-message",
        "VM-User": "101",
        "VM-Domain": "pbx.example",
        "VM-Message-Len": "12",
    }
    pbx.say(30, "vm::maintenance", "a", **message)
    left = {"voicemail_message_seconds": "12", "voicemail_account": "101", "last_app": "voicemail"}
    return pbx.gone(30.1, "a", how="recv_bye", **left)


def outbound() -> Pbx:
    """101 dials out by itself."""
    pbx = Pbx().phone_calls(0, "a", "101", CUSTOMER).dial(0.2, "b", CUSTOMER, "a", DID).ring(2, "b")
    return pbx.talk(9, "a", "b").hang_up(51.002, "b", "a")


def click_to_call() -> Pbx:
    """originate {origination_caller_id_number=CUSTOMER}user/101 &bridge(sofia/gateway/carrier/CUSTOMER)"""
    pbx = Pbx().dial(0, "a", "101", None, CUSTOMER).ring(0.3, "a").answer(3, "a")
    pbx.dial(3.1, "b", CUSTOMER, "a", DID).ring(5, "b").answer(10, "b").bridge(10.002, "a", "b")
    return pbx.unbridge(40.002, "a", "b").gone(40.003, "a", how="recv_bye").gone(40.004, "b")


def click_to_call_no_answer() -> Pbx:
    pbx = Pbx().dial(0, "a", "101", None, CUSTOMER).ring(0.3, "a").answer(3, "a")
    pbx.dial(3.1, "b", CUSTOMER, "a", DID).ring(5, "b").gone(33, "b", "NO_ANSWER", "send_cancel")
    return pbx.gone(33.1, "a", "NO_ANSWER")


def recorded() -> Pbx:
    path = "/var/lib/freeswitch/recordings/a-0000-4000.wav"
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b")
    pbx.say(5.1, "RECORD_START", "a", **{"Record-File-Path": path})
    pbx.set("a", record_seconds="20", record_ms="20020").unbridge(25.1, "a", "b")
    pbx.say(
        25.11, "RECORD_STOP", "a", **{"Record-File-Path": path, "Record-Completion-Cause": "success-silence"}
    )
    return pbx.gone(25.12, "a", how="recv_bye").gone(25.13, "b")


def held() -> Pbx:
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b").talk(5, "a", "b")
    pbx.say(10, "CHANNEL_HOLD", "b").say(17, "CHANNEL_UNHOLD", "b")
    return pbx.hang_up(25.002, "a", "b")


def anonymous() -> Pbx:
    pbx = Pbx().caller(cid="anonymous").dial(0.1, "b", "101", "a", "anonymous").ring(0.3, "b")
    return pbx.gone(20, "b", "NO_ANSWER", "send_cancel").gone(20.1, "a", "NO_ANSWER", "send_refuse")


def picked_up() -> Pbx:
    """101 rings, 102 takes the call from its own phone (application intercept)."""
    pbx = Pbx().caller().dial(0.1, "b", "101", "a").ring(0.3, "b")
    pbx.phone_calls(4, "z", "102", "*8101").answer(4.1, "z").answer(4.11, "a")
    pbx.gone(4.12, "b", "PICKED_OFF", "send_cancel").bridge(4.13, "z", "a")
    return pbx.unbridge(24.13, "z", "a").gone(24.14, "a", how="recv_bye").gone(24.15, "z")


def loopback() -> Pbx:
    """The phone is reached through a loopback channel, which stays in between."""
    pbx = Pbx().caller()
    pbx.new(0.1, "n", "loopback/101-a", "101", way="outbound", cid="+14085551234", context="default", by="a")
    pbx.say(0.1, "CHANNEL_CREATE", "n")
    pbx.new(0.11, "f", "loopback/101-b", "101", way="inbound", cid="+14085551234", context="default")
    pbx.set("f", loopback_leg="B", other_loopback_leg_uuid="n-0000-4000").say(0.11, "CHANNEL_CREATE", "f")
    pbx.set("n", loopback_leg="A", other_loopback_leg_uuid="f-0000-4000")
    pbx.dial(0.2, "b", "101", "f", other_leg_true_id="a-0000-4000").ring(0.4, "b").ring(0.41, "n")
    pbx.answer(5, "b").answer(5.001, "f").answer(5.002, "n").answer(5.003, "a")
    pbx.bridge(5.004, "f", "b").bridge(5.005, "a", "n")
    pbx.unbridge(25.005, "a", "n").gone(25.006, "a", how="recv_bye").gone(25.007, "n")
    return pbx.unbridge(25.008, "f", "b").gone(25.009, "f").gone(25.01, "b")


ALL = (
    answered, answered_agent_hangs_up, missed, busy, cancelled, ring_group, menu_and_queue, queue_abandoned,
    queue_ring_all, queue_timeout, blind_transfer, attended_transfer, voicemail, outbound, click_to_call,
    click_to_call_no_answer, recorded, held, anonymous, picked_up, loopback,
)  # fmt: skip
