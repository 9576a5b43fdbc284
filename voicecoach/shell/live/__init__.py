"""Runs a live session: its devices, its calls, their recording and their retention."""
