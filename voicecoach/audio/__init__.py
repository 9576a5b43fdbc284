"""From samples to speech: who speaks when, and whether a channel can be trusted."""
