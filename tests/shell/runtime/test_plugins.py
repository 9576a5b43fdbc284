"""Plug-ins by entry point: found, loaded when asked for, their options checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta

from tests import foreign
from voicecoach.commands.common import load_settings
from voicecoach.config import Config, ConfigSection, config_to_toml, parse_config
from voicecoach.errors import ConfigError, PluginError
from voicecoach.shell.apps.built_in import built_in_plugins
from voicecoach.shell.runtime.plugins import Plugin, Registry, option_lines


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry with two packages of others."""
    site = foreign.install(tmp_path / "site", "desk", "broken")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Registry(built_in_plugins())


def test_every_plugin_of_the_program_has_a_summary_and_described_options() -> None:
    registry = Registry(built_in_plugins())
    for kind, names in {
        "sinks": {"journal", "metrics"},
        "sources": {"pulse", "portaudio", "wasapi", "taps"},
        "transcribers": {"whisper"},
        "views": {"overlay", "browser", "console", "none"},
    }.items():
        own = [entry for entry in registry.entries(kind) if not entry.foreign]
        assert {entry.name for entry in own} >= names
        for entry in own:
            plugin = entry.load()
            assert plugin.summary
            assert all(line.count(": ") for line in option_lines(plugin.options))


def test_those_of_packages_are_found_and_none_replaces_another(registry: Registry) -> None:
    entry = registry.find("sinks", "cue-file")
    assert (entry.package, entry.foreign) == ("voicecoach-desk 1.0", True)
    assert entry.load().summary == "writes the cues of each call to a file"
    assert not registry.find("sinks", "journal").foreign
    (twin,) = [e for e in registry.entries("sinks") if e.name == "journal" and e.foreign]
    with pytest.raises(
        PluginError, match=r"voicecoach-broken 0\.1 is not used: voicecoach already has"
    ):
        twin.load()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "cannot be loaded: ModuleNotFoundError: No module named 'voicecoach_no_such"),
        (
            "no-plugin",
            "cannot be used: voicecoach_broken:NO_PLUGIN is not a voicecoach Plugin; update",
        ),
        ("cannot-start", "cannot start: ValueError: it is Monday and it rains; update the pack"),
    ],
)
def test_a_broken_one_is_one_line_with_its_package(registry: Registry, name: str, why: str) -> None:
    with pytest.raises(PluginError) as error:
        registry.find("sinks", name).create(Config())
    said = str(error.value)
    assert said.startswith(f"sink {name} of the package voicecoach-broken 0.1 {why}")
    assert said.endswith("; update the package or uninstall it")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("[sinks.nobody]", "sinks.nobody: no sink of that name is installed; use one of: absent, "),
        ("[sinks.cue-file]\nfil = 'x'", "sinks.cue-file.fil: no such option; use one of"),
        ("[sinks.cue-file]\nfile = 3", "sinks.cue-file.file: Expected `str`, got `int`"),
        ("[sinks.journal]\nfile = 'x'", "sinks.journal.file: no such option; journal has no"),
        ("[sinks.metrics]\nport = 9464", "sinks.metrics.port: no such option; metrics has no"),
        ("[sources.recording]", "sources.recording: Object missing required field `file`"),
        ("[views.ticker]\nstop_s = -1.0", "views.ticker.stop_s: Expected `float` >= 0.0"),
    ],
)
def test_options_are_checked_when_the_configuration_is_loaded(
    registry: Registry, tmp_path: Path, table: str, complaint: str
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(table)
    with pytest.raises(ConfigError) as error:
        load_settings(path)
    assert str(error.value).startswith(complaint)


def test_options_of_what_cannot_be_loaded_are_no_error_yet(
    registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[sinks.absent]\nanything = 1")
    assert load_settings(path).sinks == {"absent": {"anything": 1}}


def test_the_command_line_sets_any_key(registry: Registry, tmp_path: Path) -> None:
    changes = [
        "sinks.cue-file.file = my cues.txt", "cues.min_gap_s=3", "live.view='none'",
        'transcription.vocabulary = ["Ada", "Grace"]', "views.ticker.stop_s=2",
    ]  # fmt: skip
    settings = load_settings(None, cues=tmp_path / "c.toml", sinks=["event-file"], changes=changes)
    assert settings.sinks == {"event-file": {}, "cue-file": {"file": "my cues.txt"}}
    assert (settings.cues.min_gap_s, settings.live.view) == (3.0, "none")
    assert settings.transcription.vocabulary == ("Ada", "Grace")
    assert settings.cues.file == str(tmp_path / "c.toml")
    assert parse_config(config_to_toml(settings), "x") == settings


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("cues.min_gap_s", "--set cues.min_gap_s: write it as KEY=VALUE"),
        ("cue.min_gap_s=3", "cue.min_gap_s: no such table"),
        ("cues.file.name=3", "cues.file.name: no such table"),
        ("cues.min_gap=3", "cues: Object contains unknown field `min_gap`"),
        ("sinks.nobody.x=3", "sinks.nobody: no sink of that name"),
        ("sinks=3", "sinks: Expected `object`, got `int`"),
    ],
)
def test_what_cannot_be_set_is_refused(registry: Registry, change: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings(None, changes=[change])
    assert str(error.value).startswith(complaint)


def test_options_reach_what_is_made() -> None:
    class Options(ConfigSection, frozen=True, kw_only=True):
        often: Annotated[int, Meta(ge=1, description="times")] = 3

    plugins = {"sinks": {"one": Plugin(lambda options: [options.often], "", Options)}}
    entry = Registry(plugins).find("sinks", "one")
    assert entry.create(Config()) == [3]
    assert entry.create(Config(sinks={"one": {"often": 5}})) == [5]
    assert option_lines(Options) == ["often = 3: times"]
    with pytest.raises(ConfigError, match=r"sinks\.one\.often: Expected `int` >= 1"):
        entry.create(Config(sinks={"one": {"often": 0}}))
