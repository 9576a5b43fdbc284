"""Calls tried with other cue rules: from what is stored, and as a page."""
