"""Control of a running session from outside: hotkeys, the local socket, metrics."""
