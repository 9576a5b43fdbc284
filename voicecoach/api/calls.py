"""The public functions for programs: engines, recorded calls and event logs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Self, TypeAlias

from voicecoach import engine as core
from voicecoach.coaching.cues import Cue
from voicecoach.config import Config
from voicecoach.errors import InputError
from voicecoach.shell.runtime.audio_files import ReadOptions
from voicecoach.shell.runtime.engine_factory import load_stages, shipped_models
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.runtime.user_files import configured_cues, load_cues
from voicecoach.shell.runtime.user_files import load_config as read_config
from voicecoach.types.events import Degraded, Event
from voicecoach.types.stream import SPEAKERS, Speaker

File: TypeAlias = str | PathLike[str]


class Engine(core.Engine):
    """The analysis of one call: blocks of audio and transcripts in, events out.

    It is a deterministic function of its inputs, without clock, thread or file.  `Engine.default`
    builds one; `process` takes a `Block` of both channels, float32 [2, n * 256] at 16 kHz with
    full scale 1.0, and returns the new events; `finish` ends the call; `state` and `restore` copy
    the state of a call and continue from it.

    Examples
    --------
    >>> import numpy as np
    >>> import voicecoach as vc
    >>> engine = vc.Engine.default()
    >>> silence = np.zeros((2, 16 * vc.HOP), np.float32)
    >>> events = engine.process(vc.Block(0, silence))
    >>> state = engine.state()
    >>> engine.finish()[-1]
    Ended(at=4096, end=4096)
    >>> engine.restore(state)  # the call goes on from there
    >>> events = engine.process(vc.Block(4096, silence))
    >>> engine.finish()[-1].end / vc.SAMPLE_RATE
    0.512
    """

    @classmethod
    def default(
        cls,
        config: Config | None = None,
        *,
        cues: File | None = None,
        speakers: tuple[Speaker, ...] = SPEAKERS,
        transcribe: bool = False,
        frames: bool = False,
    ) -> Self:
        """Return an engine with the models that ship with voicecoach.

        Parameters
        ----------
        config
            The configuration.  Default: all defaults.
        cues
            A TOML file of cue rules.  Default: the file named in `config`, else the built-in rules.
        speakers
            Speakers whose channels carry audio; any other row is ignored.
        transcribe
            Whether to request transcription: the engine then returns `TranscribeRequest` events,
            and expects a `Transcript` for each.  Without words, cues that need them never open.
        frames
            Whether to return a `Prosody` event for each hop (16 ms) and speaker too.

        Raises
        ------
        ConfigError
            If the file of rules cannot be used.
        ModelError
            If a model file is missing or is not the released one.

        Examples
        --------
        >>> import voicecoach as vc
        >>> engine = vc.Engine.default(vc.Config(), speakers=(vc.Speaker.CUSTOMER,))
        """
        config = config or Config()
        return cls(
            config,
            _load_rules(config, cues),
            *load_stages(shipped_models(), speakers, frames=frames),
            find_language(config.transcription.language),
            speakers=speakers,
            transcribe=transcribe,
            frames=frames,
        )


def replay(
    call: File,
    *,
    agent: int = 0,
    customer: int | None = None,
    mono: Speaker | str | None = None,
    transcribe: bool = True,
    frames: bool = False,
    config: Config | None = None,
    cues: File | None = None,
) -> Iterator[Event]:
    """Yield the events of a recorded call in the order in which they become known.

    The call is read and analysed while you iterate; if you stop early, the rest is never read.  The
    same recording always gives the same events: those that `voicecoach replay` logs.  Times
    (`at`, `start`, `end`) are samples at 16 kHz: see `to_seconds`.

    Parameters
    ----------
    call
        A recording: WAV, FLAC, MP3, M4A and others, 4 to 192 kHz, of `config.replay.max_hours` at
        most.
    agent
        The agent's channel, counted from 0.
    customer
        The customer's channel.  Default: the other channel of a file with two.
    mono
        "agent" or "customer", if the recording has one channel and only they are on it.
    transcribe
        Whether to transcribe the words, in a separate process.  If there is no model, the first
        event is a `Degraded` that says so, and cues that need words never open.
    frames
        Whether to yield a `Prosody` event for each hop (16 ms) and speaker too.
    config
        The configuration.  Default: all defaults.
    cues
        A TOML file of cue rules.  Default: the file that `config` names, else the built-in rules.

    Raises
    ------
    InputError
        If a channel or speaker is not possible for the recording.
    AudioFileError
        If the recording cannot be used; while iterating, if it turns out to be damaged.
    ConfigError
        If the file of rules cannot be used.
    ModelError
        If a model file is missing or is not the released one, or if there is no transcription model
        with the name in `config`.

    Examples
    --------
    >>> import voicecoach as vc
    >>> events = vc.replay(vc.sample_call(), agent=0, transcribe=False)
    >>> cue = next(event for event in events if isinstance(event, vc.CueOpened))
    >>> f"{vc.to_seconds(cue.at):.1f} s: {cue.title}"
    '114.0 s: Slow down'
    """
    config = config or Config()
    path = Path(call)
    options = ReadOptions(max_hours=config.replay.max_hours)
    if mono is not None:
        if (agent, customer) != (0, None):
            raise InputError("mono names the only speaker: no agent or customer channel with it")
        recording = RecordedCall.from_mono(path, _speaker(mono), options)
    else:
        recording = RecordedCall.from_stereo(
            path, _channels(agent, customer), mapped=customer is not None, options=options
        )
    rules = _load_rules(config, cues)
    return _replayed(recording, config, rules, transcribe=transcribe, frames=frames)


def read_log(log: File) -> list[Event]:
    """Return the events in an event log.

    Parameters
    ----------
    log
        A call's result folder, or its `events.jsonl`.

    Returns
    -------
    events
        The events that `replay` yields, with values rounded as in the log (4 decimals).  Lines
        that cannot be read are left out, with a `UserWarning` that says which.

    Raises
    ------
    JournalError
        If there is no such log or it cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import voicecoach as vc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Path(folder, "events.jsonl").open("w") as log:
    ...         print('{"type": "header", "schema": 3}', file=log)
    ...         print('{"type": "ended", "at_s": 2.0, "end_s": 2.0}', file=log)
    ...     vc.read_log(folder)
    [Ended(at=32000, end=32000)]
    """
    from voicecoach.shell.results import reader

    found = reader.read_results(Path(log))
    if found.damage_note:
        warnings.warn(found.damage_note, stacklevel=2)
    return found.events


def load_config(file: File) -> Config:
    r"""Return the configuration in a TOML file; keys that it does not set have their defaults.

    Raises
    ------
    ConfigError
        If it cannot be read, is not TOML, or has an unknown key or a value of the wrong type or
        range.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import voicecoach as vc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "config.toml").write_text("[cues]\nmin_gap_s = 5.0")
    ...     vc.load_config(f"{folder}/config.toml").cues.min_gap_s
    5.0
    """
    return read_config(Path(file))


def sample_call() -> Path:
    """Return the path of the recorded call that ships with voicecoach: 4 minutes, two channels.

    Examples
    --------
    >>> import voicecoach as vc
    >>> vc.sample_call().name
    'auto_repairs_40.flac'
    """
    return resource("samples", SAMPLE_CALL)


def _replayed(
    recording: RecordedCall,
    config: Config,
    rules: tuple[Cue, ...],
    *,
    transcribe: bool,
    frames: bool,
) -> Iterator[Event]:
    from voicecoach.shell.apps.replay import start_transcribers
    from voicecoach.shell.asr.answering import ReplayAsr
    from voicecoach.shell.asr.loop import run_engine

    with ExitStack() as stack:
        transcribers, no_words = (
            start_transcribers(config, stack, report=lambda _: None) if transcribe else ([], "")
        )
        if no_words:
            yield Degraded(at=0, stage="transcription", reason=no_words)
        engine = core.Engine(
            config,
            rules,
            *load_stages(shipped_models(), recording.speakers, frames=frames),
            find_language(config.transcription.language),
            speakers=recording.speakers,
            transcribe=bool(transcribers),
            frames=frames,
        )
        asr = (
            ReplayAsr(transcribers, config.transcription, engine.language.numbers)
            if transcribers
            else None
        )
        if asr:
            stack.callback(asr.close)
        yield from run_engine(recording.blocks(), engine, asr)


def _load_rules(config: Config, cues: File | None) -> tuple[Cue, ...]:
    return configured_cues(config) if cues is None else load_cues(Path(cues))


def _speaker(name: Speaker | str) -> Speaker:
    try:
        return Speaker(name)
    except ValueError:
        raise InputError(f'mono is "agent" or "customer", not {name!r}') from None


def _channels(agent: int, customer: int | None) -> tuple[int, int]:
    if customer is None:
        if agent not in (0, 1):
            raise InputError(
                f"agent={agent}: of two channels it is 0 or 1; for a file with more name the "
                "customer's, too"
            )
        customer = 1 - agent
    if min(agent, customer) < 0 or agent == customer:
        raise InputError(
            f"agent={agent}, customer={customer}: name two different channels, counted from 0"
        )
    return agent, customer
