"""Asterisk, over its REST interface's websocket (ARI): events to the messages that AMI would send (B2).

For systems whose calls live in Stasis, or that offer no AMI; queues, agents' names, CEL and CDR are AMI's only.
`settings` is how it is reached, `events` says each event in AMI's words, `session` is the dialogue, `live` the type.
What a message means is `sources/asterisk`'s business: there is one table of it.
"""
