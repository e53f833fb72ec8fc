"""Asterisk, over its manager interface (AMI): bytes to messages to facts about single legs (B1; docs/sources).

Pure and replayable, with no state of calls: `framing` and `message` read the wire, `dialplan` knows the
operator's contexts, `facts` says what a message means, `reader` is one connection, `gap` what was missed
between two. Nothing here opens a connection.
"""
