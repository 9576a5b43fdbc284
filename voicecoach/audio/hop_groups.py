"""Groups the descriptors of hops, as the stages after the prosody extractor take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from voicecoach.dsp.functionals import descriptor_columns
from voicecoach.dsp.prosody import ProsodyFrames
from voicecoach.dsp.spectrum import FRAME
from voicecoach.types.events import Prosody
from voicecoach.types.stream import F32, Speaker


class ChannelLevels(NamedTuple):
    """How loud a channel is, dBFS."""

    now: float
    speech: float
    """Its active speech level; NaN before there is any."""


class HopGroup(NamedTuple):
    """The descriptors of a group of hops."""

    frames: ProsodyFrames
    """All hops described with this block."""
    hops: slice
    """The columns of `frames` that are this group's."""
    columns: F32
    """[channels, descriptors, hops], from `functionals.descriptor_columns`."""
    levels: dict[Speaker, ChannelLevels]


def split_hop_groups(
    frames: ProsodyFrames, group: int, speakers: Sequence[Speaker]
) -> Iterator[HopGroup]:
    """Yield each group of `group` hops in `frames` with its descriptors, and its levels."""
    columns = descriptor_columns(frames)
    by_group = frames.level_dbfs.reshape(2, -1, group)
    levels = np.median(by_group, axis=2).tolist()
    active = frames.active_level_dbfs[:, group - 1 :: group].tolist()
    for i in range(by_group.shape[1]):
        hops = slice(i * group, (i + 1) * group)
        by_speaker = {s: ChannelLevels(levels[s.row][i], active[s.row][i]) for s in speakers}
        yield HopGroup(frames, hops, columns[:, :, hops], by_speaker)


def prosody_event(
    at: int, end: int, speaker: Speaker, speech: float, frames: ProsodyFrames, hop: int
) -> Prosody:
    """Return the event of one hop.

    Parameters
    ----------
    at
        Stream index at which the hop is described.
    end
        Stream index of its end.
    speaker
        Whose channel.
    speech
        Their speech probability in it, 0..1.
    frames, hop
        The descriptors, and the hop's column in them.
    """
    values = {name: x[..., speaker.row, hop].tolist() for name, x in frames._asdict().items()}
    known: dict[str, Any] = {name: x if x == x else None for name, x in values.items()}
    known["cepstrum_db"] = tuple(values["cepstrum_db"])
    start = max(0, end - FRAME)
    return Prosody(at=at, speaker=speaker, start=start, end=end, speech=speech, **known)
