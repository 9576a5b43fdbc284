"""Shared by every shell program: audio files, threads, files that survive a failing disk."""
