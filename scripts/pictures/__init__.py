"""The pictures in the documentation."""
