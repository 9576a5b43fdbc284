"""Holds the parts of the public API that read files or start processes."""
