"""The design's traps on staged calls, through the whole product; `scripts.bench.cues` has them all.

Words are as a recogniser heard the dialogue, voices those of EMO-DB.
"""

import pytest

from scripts.bench import cues
from scripts.bench.cues import SCENARIOS, Job, Result
from scripts.support import corpora

pytestmark = pytest.mark.skipif(
    not (corpora.DATA / "emodb").is_dir(), reason="shared reference data is not here"
)


def replayed(name: str) -> Result:
    """Return what comes of a scenario."""
    path = SCENARIOS / f"{name}.toml"
    return cues.replayed(Job(path, 1, corpora.DATA / "emodb"))


@pytest.mark.parametrize(
    "name",
    [
        "quiet_backchannels",  # "mm-hm" is no interruption
        "quiet_silences",  # while they look for a card, calm down, are on hold
        "quiet_hold_music",  # music is nobody's tone, and no dead air
        "quiet_laughter",  # laughter and happy excitement are no agitation
        "quiet_slow_agent",  # slow and over-clear
        "distrust_bleed",  # and the cues that would be due are withheld
    ],
)
def test_nothing_fires_where_nothing_should(name: str) -> None:
    result = replayed(name)
    assert not [s for s in result.shown if s.verdict == "wrong" or s.distrusted]
    if name.startswith("distrust"):
        assert [reason for _, reason in result.held_back if "channel" in reason]


def test_what_is_due_is_shown_in_its_time() -> None:
    result = replayed("due_rush_and_anger")
    assert result.due
    assert not result.missed
    assert all(s.late_s <= 4.0 for s in result.shown if s.verdict == "hit")
