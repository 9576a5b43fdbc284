"""What protects texts: size limits, card numbers, control characters, words to leave out."""
