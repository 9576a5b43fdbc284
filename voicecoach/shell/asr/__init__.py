"""Runs speech recognition beside the engine: request queue, transcriber process, run loop."""
