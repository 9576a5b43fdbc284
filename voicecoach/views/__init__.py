"""Turns a call's events into what people and programs read: logs, summaries, reports, exports."""
