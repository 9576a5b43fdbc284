"""Writes, reads and replays a call's results folder."""
