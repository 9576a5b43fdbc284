"""A recogniser's process that misbehaves: `load`, then what its argument says."""

import os
import sys
import time
from pathlib import Path

import msgspec

from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.asr.worker_process import WorkerAnswer, _read_message, _write_message


def main() -> None:
    """Answer the model, then fail until the flag file is there, then answer well."""
    how, flag = sys.argv[1], Path(sys.argv[2])
    while (data := _read_message(sys.stdin.buffer)) is not None:
        asked = msgspec.msgpack.decode(data)
        if asked["type"] == "Load":
            answer = WorkerAnswer()
        elif flag.exists() or how == "well":
            words = [TranscribedWord("well", 0.0, 0.1, 0.9)]
            judged = [-1.0 for _ in asked.get("texts", ())]
            answer = WorkerAnswer(words, texts=["well"], scores=judged)
        else:
            flag.touch()
            if how == "hang":
                time.sleep(60)
            elif how == "crash":
                os.abort()
            answer = WorkerAnswer(error="ValueError", text="no such thing")
        _write_message(sys.stdout.buffer, msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()
