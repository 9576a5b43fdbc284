"""Runs a live session: its devices, its calls, what is recorded and how long it is stored."""
