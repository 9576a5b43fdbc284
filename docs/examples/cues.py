"""Print the cues of a recorded call, with what each rests on.

python cues.py [CALL] [--no-words]
"""

import sys

import voicecoach as vc


def main(*arguments: str) -> None:
    """Print a line for each cue, as soon as it is known."""
    words = "--no-words" not in arguments
    calls = [argument for argument in arguments if argument != "--no-words"]
    call = calls[0] if calls else vc.sample_call()
    for event in vc.replay(call, agent=0, transcribe=words):
        if isinstance(event, vc.CueOpened):
            evidence = ", ".join(f"{name} {value}" for name, value in event.evidence.items())
            print(f"{vc.to_seconds(event.at):6.1f} s  {event.title}: {event.message} ({evidence})")
        elif isinstance(event, vc.Degraded):
            print(f"note: {event.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
