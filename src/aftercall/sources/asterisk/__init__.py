"""Asterisk, over its manager interface (AMI): bytes to messages to facts about single legs (B1; docs/sources).

The reader is pure and replayable, with no state of calls: `framing` and `message` read the wire, `dialplan`
knows the operator's contexts, `facts` says what a message means, `reader` is one connection's bytes, `gap` what
was missed between two. Around it: `manager` is the connection's settings, `session` the dialogue with the PBX,
`listing` the question for what is still there, `live` the type that the engine runs.
"""
