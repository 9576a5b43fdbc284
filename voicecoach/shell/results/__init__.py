"""A call's results folder: written, read again, replayed."""
