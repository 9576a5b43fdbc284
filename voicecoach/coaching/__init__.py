"""Decides what the agent sees: conversation state -> signals -> cues -> outcomes."""
