"""`voicecoach plugins`: lists plug-ins with their package and options."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicecoach.errors import PluginError
from voicecoach.shell.runtime.stderr import print_to_stderr
from voicecoach.shell.views.rich_text import safe_text


def list_plugins() -> None:
    """List the installed plug-ins with their options, and the languages that ship."""
    from voicecoach.config import PLUGIN_TABLES
    from voicecoach.shell.apps.built_in import built_in_plugins
    from voicecoach.shell.runtime.languages import shipped_languages
    from voicecoach.shell.runtime.plugins import KIND_NAMES, Registry, option_lines

    registry = Registry(built_in_plugins())
    table = Table("kind", "name", "package", "what it does, and its options", box=None)
    broken = []
    for kind in PLUGIN_TABLES:
        for entry in registry.entries(kind):
            try:
                plugin = entry.load()
                told = [plugin.summary, *option_lines(plugin.options)]
            except PluginError as e:
                broken.append(str(e))
                told = ["cannot be used, see below"]
            lines = Text("\n").join(map(safe_text, told))
            table.add_row(*map(safe_text, (KIND_NAMES[kind], entry.name, entry.package)), lines)
    Console().print(table)
    Console().print(
        Text(f"\nlanguages that ship with voicecoach: {', '.join(shipped_languages())}")
    )
    for why in broken:
        print_to_stderr(why)
