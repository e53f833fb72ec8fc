"""AfterCall: the open-source after-call services server."""

__version__ = "0.1.0"
