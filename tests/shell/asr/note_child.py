"""A transcriber's process whose model hears notes."""

from voicecoach.shell.asr import worker_process
from voicecoach.shell.asr.streams import OpenStreams
from voicecoach.testing import NoteTranscriber

if __name__ == "__main__":
    worker_process._load_model = lambda settings, options: OpenStreams(NoteTranscriber())
    worker_process.main()
