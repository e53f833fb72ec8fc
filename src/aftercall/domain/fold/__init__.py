"""How facts become a call, one step at a time; `aftercall.domain.project` is the way in."""
