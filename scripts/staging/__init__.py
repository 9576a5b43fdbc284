"""Staged calls with known truth: voices, words, scenarios."""
