"""Transcribes beside the engine: the request queue, the transcriber's process, the run loop."""
