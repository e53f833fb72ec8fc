"""The email channel: SMTP to a connection's mail server (S7). `smtp.Smtp` sends; see docs/channels/email.md."""
