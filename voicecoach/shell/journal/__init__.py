"""Stores calls as figures in one SQLite file, on this machine only."""
