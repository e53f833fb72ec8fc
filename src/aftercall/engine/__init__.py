"""The use cases, over ports: intake, dispatch, timers. No SQL, no HTTP."""
