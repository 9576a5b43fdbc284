"""A real-time tone monitor for phone calls.

`voicecoach.engine.Engine` is the product: blocks of audio and transcripts in, events out.
Everything under `voicecoach.shell` supplies it: files, models, threads, screens.
"""

__all__ = ["__version__"]
__version__ = "0.1.0"
