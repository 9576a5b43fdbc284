"""Rows that the journal stores for each call, and trends over many calls."""
