"""Runs the commands live, replay and doctor."""
