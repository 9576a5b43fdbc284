"""Who speaks when, and whether each channel can be trusted."""
