"""Transcription beside the engine: the queue, the recogniser's process, the run loop."""
