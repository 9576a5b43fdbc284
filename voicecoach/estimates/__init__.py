"""What the voices say: the customer's tone, the agent's delivery, and each one's baseline."""
