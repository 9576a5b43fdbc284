"""What a program gets from `import voicecoach`, where it reads files or starts processes."""
