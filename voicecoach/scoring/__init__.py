"""Computes a call's score card: events -> `call` -> techniques, styles, journey -> card."""
