"""Turns hypotheses into words and words into dialogue acts; holds the phrases of each language."""
