"""Who and what a call is, as its facts say it: numbers, names, labels. What is said first stands.

Only the source's account of the finished call (`call.completed`) replaces what was said before it.
"""

from operator import attrgetter

from aftercall.domain.fact import Data
from aftercall.domain.fold.story import Story

_FIELDS = (
    "direction", "call_type", "from_", "to", "from_name", "to_name", "from_presentation", "did", "caller_id",
    "uuid", "parent_call_id", "queue", "ivr", "auto_attendant", "campaign", "broadcast", "lead",
)  # fmt: skip
_values = attrgetter(*_FIELDS)  # one call for all of them
NOTHING = Data()


def describe(story: Story, data: Data) -> None:  # noqa: C901, PLR0912 (a loop over names costs twice as much)
    """What any fact may say about the call as a whole."""
    if data is NOTHING or data == NOTHING:
        return
    if data.direction is not None:
        story.direction = story.direction or data.direction
    if data.call_type is not None:
        story.call_type = story.call_type or data.call_type
    if data.from_ is not None:
        story.from_ = story.from_ or data.from_
    if data.to is not None:
        story.to = story.to or data.to
    if data.from_name is not None:
        story.from_name = story.from_name or data.from_name
    if data.to_name is not None:
        story.to_name = story.to_name or data.to_name
    if data.from_presentation is not None:
        story.from_presentation = story.from_presentation or data.from_presentation
    if data.did is not None:
        story.did = story.did or data.did
    if data.caller_id is not None:
        story.caller_id = story.caller_id or data.caller_id
    if data.uuid is not None:
        story.uuid = story.uuid or data.uuid
    if data.parent_call_id is not None:
        story.parent_call_id = story.parent_call_id or data.parent_call_id
    if data.queue is not None:
        story.queue = story.queue or data.queue
    if data.ivr is not None:
        story.ivr = story.ivr or data.ivr
    if data.auto_attendant is not None:
        story.auto_attendant = story.auto_attendant or data.auto_attendant
    if data.campaign is not None:
        story.campaign = story.campaign or data.campaign
    if data.broadcast is not None:
        story.broadcast = story.broadcast or data.broadcast
    if data.lead is not None:
        story.lead = story.lead or data.lead
    _remember(story, data)


def describe_finished(story: Story, data: Data) -> None:
    """The source's own account of the call: what it says, counts."""
    for field, value in zip(_FIELDS, _values(data), strict=True):
        if value is not None:
            setattr(story, field, value)
    _remember(story, data)


def _remember(story: Story, data: Data) -> None:
    """What adds up, and what the last word counts of."""
    if data.started_at is not None and (story.start_at is None or data.started_at < story.start_at):
        story.start_at = data.started_at
    if data.notes is not None:
        story.notes = data.notes
    if data.tags is not None:
        story.tags.update(dict.fromkeys(data.tags, True))
    if data.custom_fields is not None:
        story.custom_fields.update(data.custom_fields)
    if data.billing is not None:
        story.billing = data.billing
    if data.wrap_up_seconds is not None:
        story.wrap_up_seconds = data.wrap_up_seconds
    if data.flags:
        story.flags.extend(flag for flag in data.flags if flag not in story.flags)
    if data.is_test:
        story.is_test = True
