"""FreeSWITCH, over its event socket (ESL): bytes to events to facts about single legs (B4; docs/sources).

The reader is pure and replayable: `framing` and `event` read the wire, `dialplan` knows the operator's contexts,
`legs` which call each leg of this connection belongs to, `facts` (with `queues` and `bridges`) says what an event
means, `count` whether any are missing, `reader` is one connection's bytes, `listing` what was missed between two.
`records` reads mod_json_cdr's posts as the events they sum up. Around them: `socket` is the connection's settings,
`session` the dialogue with the PBX, `live` the type that the engine runs.
"""
