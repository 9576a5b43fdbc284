"""What the journal keeps of a call, and what many calls come to."""
