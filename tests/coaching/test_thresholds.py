"""The numbers that report and score card share with the rules that were loaded."""

from pathlib import Path

import msgspec
import pytest

from voicecoach.coaching.cues import BUILT_IN_CUES, Cue, built_in_cues
from voicecoach.coaching.thresholds import PaceThreshold, cue_thresholds, thresholds_from_header
from voicecoach.errors import JournalError
from voicecoach.shell.results import reader
from voicecoach.shell.runtime.user_files import load_cues
from voicecoach.views import event_log

SHIPPED = cue_thresholds(built_in_cues())
EDITS = {
    "dead_air_s": ('"dead_air_s", op = ">=", value = 8.0', 5.0),
    "monologue_s": ('"agent_monologue_s", op = ">=", value = 60.0', 50.0),
    "loud_db": ('"agent_level_db", op = ">=", value = 5.0', 7.0),
    "high_semitones": ('"agent_f0_semitones", op = ">=", value = 2.0', 3.0),
    "hasty_reply_s": ('"agent_gap_s", op = "<=", value = 0.5', 0.25),
    "too_many_apologies": ('"apologies", op = ">=", value = 3.0', 4.0),
    "problem_open_s": ('"problem_open_s", op = ">=", value = 90.0', 60.0),
    "problem_speech_s": ('"agent_on_problem_s", op = ">=", value = 20.0', 15.0),
    "demand_open_s": ('"demand_open_s", op = "<=", value = 30.0', 45.0),
}
"""By threshold: where its rule has it, and another value."""


def edited(folder: Path, old: str, new: str) -> tuple[Cue, ...]:
    text = BUILT_IN_CUES.data.decode()
    assert text.count(old) == 1
    (folder / "cues.toml").write_text(text.replace(old, new), "utf-8")
    return load_cues(folder / "cues.toml")


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_rule_has_its_own_threshold(name: str, tmp_path: Path) -> None:
    old, value = EDITS[name]
    found = cue_thresholds(edited(tmp_path, old, f"{old.rpartition(' ')[0]} {value}"))
    assert getattr(SHIPPED, name) == float(old.rpartition(" ")[2])
    assert found == msgspec.structs.replace(SHIPPED, **{name: value})


def test_each_rule_for_pace_counts(tmp_path: Path) -> None:
    assert SHIPPED.pace == (PaceThreshold(1.15, 0.5), PaceThreshold(1.25))
    old = '"agent_rate_ratio", op = ">=", value = 1.25'
    found = cue_thresholds(edited(tmp_path, old, old.replace("1.25", "1.4")))
    assert found.pace == (PaceThreshold(1.15, 0.5), PaceThreshold(1.4))


def test_what_the_rules_do_not_name_is_as_shipped() -> None:
    assert cue_thresholds(()) == SHIPPED
    check_in = next(cue for cue in built_in_cues() if cue.id == "check-in")
    assert cue_thresholds((check_in,)) == SHIPPED


def test_a_log_keeps_the_thresholds_of_its_call() -> None:
    own = msgspec.structs.replace(SHIPPED, dead_air_s=5.0, pace=(PaceThreshold(1.5, 0.25),))
    line = event_log.encode_header(thresholds=msgspec.to_builtins(own))
    assert thresholds_from_header(event_log.parse_header(line)) == own
    assert thresholds_from_header({}) == SHIPPED
    assert thresholds_from_header({"thresholds": {"of_a_later_version": 1.0}}) == SHIPPED


@pytest.mark.parametrize(
    "wrong",
    [5, ["dead_air_s"], {"dead_air_s": "long"}, {"pace": [1.15]}, {"pace": 101 * [{"ratio": 1}]}],
)
def test_a_log_with_wrong_thresholds_is_refused(wrong: object, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(event_log.encode_header(thresholds=wrong))
    with pytest.raises(JournalError, match="line 1: "):
        reader.read_results(log)
