"""Cue rules are read strictly: whatever is wrong with a file of them fails at load."""

from pathlib import Path

import pytest

from voicecoach.coaching.cues import built_in_cues
from voicecoach.errors import ConfigError
from voicecoach.shell.runtime.user_files import load_cues
from voicecoach.views import catalogue

CUE = """
[[cue]]
id = "x"
title = "X"
technique = "t"
priority = 1
message = "m"
keep_for_s = 1.0
max_show_s = 5.0
cooldown_s = 5.0
max_per_call = 2
heeded = { moves = ["apology"] }
[[cue.rule]]
when = [{ signal = "agitation", op = ">=", value = 0.5 }]
for_s = 1.0
"""


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"agitation"', '"mood"', "unknown signal 'mood'"),
        ('message = "m"', 'message = "{mood}"', "cannot be filled in"),
        ('message = "m"', 'message = "m"\nsay = "{mood}"', "cannot be filled in"),
        ('message = "m"', 'message = "{hard_said:.1f}"', "cannot be filled in"),
        ('["apology"]', '["shouting"]', "unknown dialogue act of the agent 'shouting'"),
        ('moves = ["apology"]', "", "needs dialogue acts or a signal"),
        ('message = "m"', 'message = "{agitation.real}"', "cue 'x'"),
        ('message = "m"', 'message = "{agitation"', "cannot be filled in"),
        ('message = "m"', 'message = "{agitation:d}"', "cannot be filled in"),
        ('op = ">="', 'op = "=="', "Invalid enum value"),
        ("for_s = 1.0", "for_s = -1.0", ">= 0.0"),
        ("for_s = 1.0", "for_s = 1.0\nfoo = 2", "unknown field"),
        ("max_per_call = 2", "max_per_call = 0", ">= 1"),
        ("cooldown_s = 5.0\n", "", "missing required field `cooldown_s`"),
        ('id = "x"', 'id = "A b"', "id"),
        ("[[cue]]", "[[cue]", "Expected"),
        ('message = "m"', f'message = "m"\nsay = "{1001 * "m"}"', "length <= 1000"),
        ("\nfor_s = 1.0\n", f"\nfor_s = 1.0\n{CUE}", "twice"),
    ],
)
def test_a_wrong_rule_fails_at_load_and_names_the_file(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    path = tmp_path / "cues.toml"
    path.write_text(CUE)
    assert load_cues(path)[0].id == "x"
    path.write_text(CUE.replace(before, after, 1))
    with pytest.raises(ConfigError) as error:
        load_cues(path)
    assert str(error.value).startswith(str(path))
    assert complaint in str(error.value)


def test_rules_are_bounded_by_what_a_tick_has_time_for(tmp_path: Path) -> None:
    path = tmp_path / "cues.toml"
    rule = '[[cue.rule]]\nfor_s = 1.0\nwhen = [{signal = "agitation", op = ">=", value = 0.5}]\n'
    one = CUE.partition("[[cue.rule]]")[0]
    for cues, rules, complaint in (
        (20, 100, ""),
        (1, 101, "`array` of length <= 100 - at `$.cue[0].rule`"),
        (21, 96, "its rules have 2016 conditions; at most 2000 can be checked in time"),
    ):
        texts = [one.replace('"x"', f'"x{i}"') + rules * rule for i in range(cues)]
        path.write_text("".join(texts))
        if not complaint:
            assert len(load_cues(path)) == cues
            continue
        with pytest.raises(ConfigError) as error:
            load_cues(path)
        assert complaint in str(error.value)


def test_a_missing_rule_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the cue rules"):
        load_cues(tmp_path / "none.toml")


def test_the_built_in_catalogue_is_the_designs() -> None:
    assert {cue.id for cue in built_in_cues()} == {
        "slow-down", "lower-your-voice", "acknowledge", "let-them-finish", "give-them-a-moment",
        "ask-or-confirm", "apologise", "enough-sorry", "soften", "do-not-defend",
        "offer-a-way-forward", "set-expectations", "set-a-limit", "hand-over", "too-much-talking",
        "check-in", "recap", "that-is-working",
    }  # fmt: skip


def test_the_page_of_the_cues_is_the_catalogue() -> None:
    page = Path(__file__).parents[2] / "docs" / "cues.md"
    assert page.read_text("utf-8") == catalogue.cue_catalogue_markdown(built_in_cues())
