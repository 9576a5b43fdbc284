"""Finds and creates plug-ins: sinks, sources, transcribers and views, built in or from packages.

A `Plugin` has a function that creates it, and its options.  `built_in_plugins` lists those of
voicecoach; those of other packages are found by entry points, one group for each kind, and are
imported only when they are used.  If a package cannot be used, a one-line error names it.

A plug-in runs in this process (a transcriber in a process of its own) with all rights of the
user, so install only packages that you trust.
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
"""What one plug-in of each kind is called.  The key is its table in the configuration; with
`voicecoach.` before it, it is the group of its entry points."""
OWN_PACKAGE = "voicecoach"


class NoOptions(ConfigSection, frozen=True, kw_only=True):
    """The options of a plug-in that has none."""


@dataclass(frozen=True)
class Plugin(Generic[T_co]):
    """A plug-in, as an entry point names it.

    Parameters
    ----------
    create
        Called with the options, and with the arguments of its kind (docs/extending.md).  It may
        raise a `VoiceCoachError` that tells the user what to do.
    summary
        What it does, in a line.
    options
        A `ConfigSection` whose fields have descriptions (`msgspec.Meta`): the keys of the
        configuration's table `[sinks.NAME]`, or that of another kind.
    """

    create: Callable[..., T_co]
    summary: str
    options: type[ConfigSection] = NoOptions


class PluginEntry(NamedTuple):
    """An installed plug-in, loaded or not."""

    kind: str
    name: str
    package: str
    """The package that adds it, with its version."""
    point: EntryPoint | None
    plugin: Plugin[Any] | None
    problem: str = ""
    """Why it cannot be used, if that is known before it is loaded."""

    @property
    def foreign(self) -> bool:
        """Whether another package adds it."""
        return self.package != OWN_PACKAGE

    def load(self) -> Plugin[Any]:
        """Return the plug-in; import it if necessary.

        Raises
        ------
        PluginError
            If that fails, whatever the package raises.
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
            raise self.error(f"cannot be used: {self.point.value} is not a voicecoach Plugin")
        return found

    def create(self, config: Config, *given: Any) -> Any:
        """Create it from its options in a configuration and the arguments of its kind.

        Raises
        ------
        PluginError
            If it cannot be loaded, or fails.
        VoiceCoachError
            If it says itself what the user has to do.
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
            If it has no such option, or the value is invalid.
        PluginError
            If it cannot be loaded.
        """
        table = getattr(config, self.kind).get(self.name, {})
        options, path = self.load().options, f"{self.kind}.{self.name}"
        known = [field.name for field in msgspec.structs.fields(options)]
        if unknown := sorted(table.keys() - set(known)):
            listed = f"use one of {', '.join(known)}" if known else f"{self.name} has no options"
            raise ConfigError(f"{path}.{unknown[0]}: no such option; {listed}")
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
        Those of voicecoach, by kind and name.  No other package can replace one.
    """

    def __init__(self, built_in: Mapping[str, Mapping[str, Plugin[Any]]]) -> None:
        self._built_in = built_in
        self._foreign: dict[str, list[PluginEntry]] = {}

    def entries(self, kind: str) -> list[PluginEntry]:
        """Return the plug-ins of a kind, without loading them."""
        own = self._built_in.get(kind, {})
        entries = [PluginEntry(kind, name, OWN_PACKAGE, None, own[name]) for name in own]
        return entries + self._foreign_entries(kind)

    def find(self, kind: str, name: str) -> PluginEntry:
        """Return a plug-in by its name, without loading it.

        Raises
        ------
        ConfigError
            If none has that name.
        """
        if plugin := self._built_in.get(kind, {}).get(name):
            return PluginEntry(kind, name, OWN_PACKAGE, None, plugin)
        for entry in self._foreign_entries(kind):
            if entry.name == name and not entry.problem:
                return entry
        names = ", ".join(sorted({entry.name for entry in self.entries(kind)})) or "none"
        raise ConfigError(
            f"{name}: no {KIND_NAMES[kind]} of that name is installed; use one of: {names}"
        )

    def check_options(self, config: Config) -> None:
        """Check the options of plug-ins; those that cannot be loaded are reported when used.

        Raises
        ------
        ConfigError
            If there is no such plug-in or option, or its value is invalid.
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
            # This takes a tenth of a second, so it is done only when needed.
            from importlib.metadata import entry_points

            taken = dict.fromkeys(self._built_in.get(kind, {}), OWN_PACKAGE)
            found = []
            for point in sorted(entry_points(group=f"voicecoach.{kind}"), key=_package_name):
                package, problem = _package_name(point), ""
                if point.name in taken:
                    problem = (
                        f"{KIND_NAMES[kind]} {point.name} of the package {package} is not used: "
                        f"{taken[point.name]} already has that name; uninstall one of the two"
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
