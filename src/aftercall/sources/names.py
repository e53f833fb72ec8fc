"""`same_as` of an event: other names of its call, by which calls of several sources are found to be one (H16)."""

import re
from typing import Any

from aftercall.domain.errors import Invalid
from aftercall.engine.reading import shape
from aftercall.engine.taking import MAX_KEY

MOST = 10
_NAME = re.compile(rf"[a-z][a-z0-9_-]{{0,31}}:.{{1,{MAX_KEY}}}", re.DOTALL)


def same_as(item: dict[str, Any]) -> tuple[str, ...]:
    """Raises Invalid."""
    said = item["same_as"]
    names = [] if said is None else said if type(said) is list else [said]
    if len(names) > MOST:
        raise Invalid.field("same_as", f"may have at most {MOST} names", shape(said))
    for name in names:
        if type(name) is not str or not _NAME.fullmatch(name):
            rule = "must be names such as twilio:CA0123, or key:CALL_ID for a call of this source"
            raise Invalid.field("same_as", rule, shape(name))
    return tuple(dict.fromkeys(names))
