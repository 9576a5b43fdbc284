"""Protects texts: size limits, masking of card numbers, control characters, redaction."""
