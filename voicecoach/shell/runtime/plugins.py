"""Plug-ins: what the program does beyond the engine, its own and what other packages add.

Each is a `Plugin`: how to make it, and its options.  The program lists its own in one function;
those of other packages are found by entry points, one group for each kind, and are imported only
when they are asked for.  A package that cannot be used is an error of one line that names it.

A plug-in runs in this process (a transcriber in a process of its own) with all rights of the
user: to install a package is to trust it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from voicecoach.config import PLUGIN_TABLES, Config, ConfigSection
from voicecoach.errors import ConfigError, PluginError, VoiceCoachError, one_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T_co = TypeVar("T_co", covariant=True)
KIND_NAMES = dict(zip(PLUGIN_TABLES, ("sink", "source", "transcriber", "view"), strict=True))
"""By the kind, which is also its table in the configuration: what one of it is called.  The entry
points are in the group `voicecoach.` and the kind."""
OWN_PACKAGE = "voicecoach"


class NoOptions(ConfigSection, frozen=True, kw_only=True):
    """A plug-in without options."""


@dataclass(frozen=True)
class Plugin(Generic[T_co]):
    """What an entry point leads to.

    Parameters
    ----------
    create
        Called with the options, and with what its kind gets besides (docs/extending.md).  It may
        raise a `VoiceCoachError` that tells a person what to do.
    summary
        What it does, in a line.
    options
        A `ConfigSection`, each field with a description (`msgspec.Meta`): what may stand in the
        configuration's table of its kind and name, `[sinks.NAME]`.
    """

    create: Callable[..., T_co]
    summary: str
    options: type[ConfigSection] = NoOptions


class PluginEntry(NamedTuple):
    """A plug-in that is there, loaded or not."""

    kind: str
    name: str
    package: str
    """Whose it is, with its version."""
    point: EntryPoint | None
    plugin: Plugin[Any] | None
    problem: str = ""
    """Why it cannot be used, before it is even loaded."""

    @property
    def foreign(self) -> bool:
        """Whether another package adds it."""
        return self.package != OWN_PACKAGE

    def load(self) -> Plugin[Any]:
        """Return the plug-in, imported where it is not yet.

        Raises
        ------
        PluginError
            Where that fails, whatever happens.
        """
        if self.plugin:
            return self.plugin
        if self.problem or not self.point:
            raise PluginError(self.problem)
        try:
            found = self.point.load()
        except (Exception, SystemExit) as e:
            raise self.error(f"cannot be loaded: {type(e).__name__}: {e}") from e
        if not isinstance(found, Plugin):
            raise self.error(f"is no Plugin: {self.point.value}")
        return found

    def create(self, config: Config, *given: Any) -> Any:
        """Make it, with its options in a configuration and what its kind gets besides.

        Raises
        ------
        PluginError
            Where it cannot be loaded, or fails.
        VoiceCoachError
            Where it says itself what a person has to do.
        """
        plugin = self.load()
        options = self.read_options(config)
        try:
            return plugin.create(options, *given)
        except VoiceCoachError:
            raise
        except (Exception, SystemExit) as e:
            if not self.foreign:
                raise
            raise self.error(f"cannot start: {type(e).__name__}: {e}") from e

    def read_options(self, config: Config) -> ConfigSection:
        """Return its options in a configuration.

        Raises
        ------
        ConfigError
            Where it has no such option, or the value is none for it.
        PluginError
            Where it cannot be loaded.
        """
        table = getattr(config, self.kind).get(self.name, {})
        options, path = self.load().options, f"{self.kind}.{self.name}"
        known = [field.name for field in msgspec.structs.fields(options)]
        if unknown := sorted(table.keys() - set(known)):
            listed = f"it knows {', '.join(known)}" if known else "it has none"
            raise ConfigError(f"{path}.{unknown[0]}: there is no such option: {listed}")
        try:
            return msgspec.convert(table, options)
        except msgspec.ValidationError as e:
            text, _, key = str(e).partition(" - at `$")
            raise ConfigError(f"{path}{key.rstrip('`')}: {text}") from e

    def error(self, why: str) -> PluginError:
        """Return an error that names the package and says what to do."""
        return PluginError(
            f"{KIND_NAMES[self.kind]} {self.name} of the package {self.package} {one_line(why)}; "
            "update the package or uninstall it"
        )


class Registry:
    """All plug-ins by kind and name.

    Parameters
    ----------
    built_in
        The program's own, by kind and name.  No other package can replace one.
    """

    def __init__(self, built_in: Mapping[str, Mapping[str, Plugin[Any]]]) -> None:
        self._built_in = built_in
        self._foreign: dict[str, list[PluginEntry]] = {}

    def entries(self, kind: str) -> list[PluginEntry]:
        """Return the plug-ins of a kind; none is loaded."""
        own = self._built_in.get(kind, {})
        entries = [PluginEntry(kind, name, OWN_PACKAGE, None, own[name]) for name in own]
        return entries + self._foreign_entries(kind)

    def find(self, kind: str, name: str) -> PluginEntry:
        """Return a plug-in by its name; it is not loaded.

        Raises
        ------
        ConfigError
            Where there is none.
        """
        if plugin := self._built_in.get(kind, {}).get(name):
            return PluginEntry(kind, name, OWN_PACKAGE, None, plugin)
        for entry in self._foreign_entries(kind):
            if entry.name == name and not entry.problem:
                return entry
        names = ", ".join(sorted({entry.name for entry in self.entries(kind)})) or "none"
        raise ConfigError(
            f"{name}: no {KIND_NAMES[kind]} of that name is installed; there are: {names}"
        )

    def check_options(self, config: Config) -> None:
        """Check the tables of plug-ins; what cannot be loaded is left for when it is used.

        Raises
        ------
        ConfigError
            Where there is no such plug-in or option, or its value is none for it.
        """
        for kind in PLUGIN_TABLES:
            for name in getattr(config, kind):
                try:
                    entry = self.find(kind, name)
                except ConfigError as e:
                    raise ConfigError(f"{kind}.{e}") from e
                try:
                    entry.read_options(config)
                except PluginError:
                    continue

    def _foreign_entries(self, kind: str) -> list[PluginEntry]:
        if kind not in self._foreign:
            # A tenth of a second, which a program that uses none of them need not spend.
            from importlib.metadata import entry_points

            taken = dict.fromkeys(self._built_in.get(kind, {}), OWN_PACKAGE)
            found = []
            for point in sorted(entry_points(group=f"voicecoach.{kind}"), key=_package_name):
                package, problem = _package_name(point), ""
                if point.name in taken:
                    problem = (
                        f"{KIND_NAMES[kind]} {point.name} of the package {package} is left out: "
                        f"{taken[point.name]} has one of that name; uninstall one of them"
                    )
                taken.setdefault(point.name, package)
                found.append(PluginEntry(kind, point.name, package, point, None, problem))
            self._foreign[kind] = found
        return self._foreign[kind]


def option_lines(options: type[ConfigSection]) -> list[str]:
    """Return a line for each option: its name, default and description."""
    lines = []
    for field in msgspec.structs.fields(options):
        described = [
            meta.description
            for meta in getattr(field.type, "__metadata__", ())
            if isinstance(meta, msgspec.Meta) and meta.description
        ]
        default = "required" if field.required else repr(field.default)
        lines.append(": ".join([f"{field.name} = {default}", *described]))
    return lines


def _package_name(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
