"""Compares cue rules on stored calls, and draws the result as a page."""
