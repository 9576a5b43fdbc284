"""The programs behind the commands: live, replay, doctor."""
