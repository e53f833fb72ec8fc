"""The one door to the network: look up, check, pin, time out, cap. Nobody else opens a connection."""
