"""The configuration tree."""

from pathlib import Path

import pytest

from voicecoach import config
from voicecoach.config import Config
from voicecoach.errors import ConfigError
from voicecoach.shell.runtime.user_files import load_config


def test_what_is_printed_is_read_back() -> None:
    text = config.config_to_toml(Config())
    assert config.parse_config(text, "x") == Config()
    assert text.count("#") == text.count(" = ")


def test_a_file_overrides_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[cues]\nmin_gap_s = 30.0\n", "utf-8")
    loaded = load_config(path)
    assert loaded.cues.min_gap_s == 30
    assert loaded.endpointing == Config().endpointing


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[cues]\nmin_gap = 3", "cues: Object contains unknown field `min_gap`"),
        ("[sound]\n", "unknown field `sound`"),
        ("[endpointing]\nonset = 2.0", "endpointing.onset: Expected `float` < 1.0"),
        ("[endpointing]\nonset = 'a'", "endpointing.onset: Expected `float`, got `str`"),
        ("[endpointing]\nonset = 0.2", "endpointing.offset: offset must not exceed onset"),
        ("[privacy]\nprofile = 'us'", "privacy.profile: Invalid enum value 'us'"),
        ("[cues\n", "Expected ']'"),
        ("[endpointing]\nonset = nan", "onset"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "b.toml")


def test_override_checks_what_it_is_given() -> None:
    assert config.override_config(Config(), "cues.min_gap_s", 3.0).cues.min_gap_s == 3
    with pytest.raises(ConfigError, match="cues.min_gap_s"):
        config.override_config(Config(), "cues.min_gap_s", -1.0)


def test_the_tree_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Config().cues.min_gap_s = 3.0  # type: ignore[misc]


def test_calls_are_kept_for_90_days_in_the_eu_and_for_good_elsewhere() -> None:
    assert config.PrivacyConfig(profile="eu").keep_days == 90
    assert config.PrivacyConfig().keep_days == 0
