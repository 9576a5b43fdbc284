"""What other cue rules would have shown of a call, and why."""
