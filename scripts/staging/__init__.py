"""Staged calls with known truth: voices, words and scenarios."""
