"""What other scripts use: the environment, corpora, a sound server, a desktop, a browser."""
