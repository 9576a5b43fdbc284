"""Shared by the other scripts: the environment, corpora, a sound server, a desktop, a browser."""
