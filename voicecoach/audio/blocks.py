"""Checks that a block of audio is what the stages expect."""

from __future__ import annotations

import numpy as np

from voicecoach.errors import InputError
from voicecoach.types.stream import HOP, MAX_AMPLITUDE, MAX_HOPS, Block


def check_block(block: Block, now: int) -> None:
    """Raise `InputError` if the stages would fail on a block or misinterpret it.

    `now` is the stream index at which the block should start.
    """
    samples = block.samples
    if getattr(samples, "dtype", None) != np.float32:
        raise InputError(
            f"samples are float32 with full scale 1.0, not {getattr(samples, 'dtype', 'a list')}: "
            "divide int16 by 32768, and convert other numbers with astype(np.float32)"
        )
    shape = samples.shape
    if len(shape) != 2 or shape[0] != 2:
        raise InputError(
            f"a block is [2, n * {HOP}], row 0 the agent and row 1 the customer, not "
            f"{list(shape)}: put silence in the row of a speaker who is not recorded"
        )
    if shape[1] % HOP or not 0 < shape[1] <= MAX_HOPS * HOP:
        raise InputError(
            f"a block is 1 to {MAX_HOPS} whole hops of {HOP} samples, not {shape[1]} samples: "
            "cut or collect the audio, and pad the last hop with zeros"
        )
    if block.start != now:
        raise InputError(
            f"a block at sample {block.start} does not follow: the next sample is {now}"
        )
    if not np.abs(samples).max() <= MAX_AMPLITUDE:
        if not np.isfinite(samples).all():
            raise InputError(
                "a block holds samples that are not numbers (NaN or infinite): put 0.0 in their "
                "place, or send the block as missing"
            )
        raise InputError(
            f"a block holds samples of more than {MAX_AMPLITUDE:.0f} times full scale: scale "
            "audio to -1..1"
        )
