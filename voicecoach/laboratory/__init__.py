"""Compares the cues that two sets of rules show for the same calls, and says why they differ."""
