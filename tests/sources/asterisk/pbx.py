# A PBX's side of AMI, for calls that were not captured: written from the rules (B1.2, Asterisk's source).

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Pbx:
    """Writes a stream. Channels are named by their number; `at` is in seconds from the start."""

    def __init__(self, linked: int = 0, start: datetime = START) -> None:
        self.linked, self.start, self.written = linked, start, b""
        self.channels: dict[int, dict[str, str]] = {}

    def say(self, at: float, event: str, **fields: object) -> "Pbx":
        moment = self.start + timedelta(seconds=at)
        head = {"Event": event, "Timestamp": f"{moment.timestamp():.6f}"}
        self.written += "".join(f"{n}: {v}\r\n" for n, v in (head | fields).items()).encode() + b"\r\n"
        return self

    def of(self, number: int, prefix: str = "") -> dict[str, str]:
        return {prefix + name: value for name, value in self.channels[number].items()}

    def new(
        self, at: float, number: int, name: str, context: str, exten: str, state: str = "Down", cid: str = ""
    ) -> "Pbx":
        self.channels[number] = {
            "Channel": name, "ChannelStateDesc": state, "CallerIDNum": cid or "<unknown>", "Context": context,
            "Exten": exten, "Uniqueid": f"1795168800.{number}", "Linkedid": f"1795168800.{self.linked}",
        }  # fmt: skip
        return self.say(at, "Newchannel", **self.of(number))

    def caller(self, at: float = 0.0, did: str = "442079460101", number: int = 0) -> "Pbx":
        return self.new(at, number, f"PJSIP/carrier-{number:08x}", "from-trunk", did, "Ring", "447700900123")

    def phone(self, at: float, number: int, extension: str, by: int) -> "Pbx":
        """A phone is dialled and rings."""
        self.new(at, number, f"PJSIP/{extension}-{number:08x}", "from-internal", "s", cid=extension)
        self.say(at + 0.001, "DialBegin", **self.of(by), **self.of(number, "Dest"), DialString=extension)
        return self.state(at + 0.002, number, "Ringing")

    def state(self, at: float, number: int, state: str) -> "Pbx":
        self.channels[number]["ChannelStateDesc"] = state
        return self.say(at, "Newstate", **self.of(number))

    def dial_end(self, at: float, number: int, by: int, status: str) -> "Pbx":
        return self.say(at, "DialEnd", **self.of(by), **self.of(number, "Dest"), DialStatus=status)

    def answer(self, at: float, number: int, by: int) -> "Pbx":
        return self.state(at, number, "Up").dial_end(at + 0.0001, number, by, "ANSWER")

    def join(self, at: float, bridge: str, *numbers: int, technology: str = "simple_bridge") -> "Pbx":
        for number in numbers:
            self.say(at, "BridgeEnter", BridgeUniqueid=bridge, BridgeTechnology=technology, **self.of(number))
        return self

    def leave(self, at: float, bridge: str, *numbers: int) -> "Pbx":
        for number in numbers:
            self.say(at, "BridgeLeave", BridgeUniqueid=bridge, **self.of(number))
        return self

    def ask(self, at: float, number: int, cause: int = 16, tech: str = "") -> "Pbx":
        return self.say(at, "HangupRequest", **self.of(number), Cause=cause, TechCause=tech)

    def gone(self, at: float, *numbers: int, cause: int = 16) -> "Pbx":
        for number in numbers:
            self.say(at, "Hangup", **self.of(number), Cause=cause)
        return self

    def talk(self, at: float, bridge: str, agent: int, customer: int = 0) -> "Pbx":
        """The agent's phone is answered and the two are bridged."""
        self.answer(at, agent, customer).state(at + 0.001, customer, "Up")
        return self.join(at + 0.002, bridge, agent, customer)
