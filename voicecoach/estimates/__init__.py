"""Estimates of the customer's tone and the agent's delivery, and the baseline of each."""
