"""From hypotheses to words, and from words to dialogue acts; the phrases of each language."""
