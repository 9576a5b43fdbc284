"""What people and programs see of a call: pure functions of its events."""
