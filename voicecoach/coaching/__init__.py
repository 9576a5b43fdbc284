"""From what is known of the call to cues: conversation state, signals, rules, outcomes."""
