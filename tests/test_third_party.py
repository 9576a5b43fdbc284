"""THIRD_PARTY.md names all that ships or is installed and was made by others, with its licence."""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.endurance.audit import LOCKS, canonical, pins

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "THIRD_PARTY.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = ("live", "overlay", "loopback", "model", "report", "archive")
"""Those that users install; the others are for work on voicecoach."""
FOREIGN = ("models", "samples", "voicecoach/shell/report/vendor")
"""Folders of files that were not written here, or are named beside those that were not."""


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def licences() -> dict[str, str]:
    """Return the licence of each package in the table."""
    rows = re.findall(r"^\| ([\w.-]+) \| (.+?) \|", section("What is installed beside it"), re.M)
    return dict(rows[1:])


def wanted() -> dict[str, str]:
    """Return the packages that the project itself names for users, each with its extra."""
    extras = PROJECT["project"]["optional-dependencies"]
    named = [("", text) for text in PROJECT["project"]["dependencies"]]
    named += [(extra, text) for extra in EXTRAS for text in extras[extra]]
    return {canonical(Requirement(text).name): extra for extra, text in reversed(named)}


def installed(names: Iterable[str]) -> Iterator[metadata.Distribution]:
    """Yield the packages of these names that are installed here, and all that they need."""
    left, seen = list(names), set[str]()
    while left:
        name = canonical(left.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another system
        yield package
        needs = [Requirement(text) for text in package.requires or ()]
        left += [need.name for need in needs if not need.marker or need.marker.evaluate()]


def test_every_package_that_is_installed_has_a_row_and_no_other() -> None:
    locked, _ = pins((ROOT / LOCKS[1]).read_text("utf-8"))
    whole, _ = pins((ROOT / LOCKS[0]).read_text("utf-8"))
    needed = {pin.name for pin in locked} | set(wanted())
    needed |= {canonical(package.name) for package in installed(wanted())}
    assert needed - set(licences()) == set(), "add a row for each"
    known = {pin.name for pin in whole} | set(wanted())
    assert set(licences()) - known == set(), "no longer installed: remove the row"
    assert list(licences()) == sorted(licences())


def test_the_licences_are_those_that_the_packages_declare() -> None:
    declared = {
        canonical(package.name): package.metadata["License-Expression"]
        for package in installed(wanted())
        if "License-Expression" in package.metadata
    }
    assert len(declared) > 30
    table = licences()
    assert {name: table[name] for name in declared} == declared


@pytest.mark.skipif(sys.platform != "linux", reason="the page names those of Linux")
def test_the_libraries_inside_the_wheels_are_named() -> None:
    found = set()
    for package in installed(wanted()):
        for path in package.files or ():
            if path.parts[0].endswith(".libs"):
                # libscipy_openblas64_-32a4b2a6.so is libscipy_openblas, of 64 bits.
                found.add(re.split(r"64_|-", path.name)[0])
    assert {name for name in found if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize("folder", FOREIGN)
def test_every_file_that_ships_and_is_not_our_own_has_a_row(folder: str) -> None:
    rows = section("What ships with voicecoach")
    for path in (ROOT / folder).iterdir():
        if path.name not in ("README.md", "SHA256SUMS"):
            assert f"`{path.relative_to(ROOT).as_posix()}`" in rows, path.name


def test_the_licences_and_the_page_are_in_the_wheel_and_in_the_source() -> None:
    files = {path for glob in PROJECT["project"]["license-files"] for path in ROOT.glob(glob)}
    texts = {path for path in ROOT.glob("*/*LICENSE") if path.parent.name in FOREIGN}
    assert texts
    assert {ROOT / "LICENSE", ROOT / "THIRD_PARTY.md", *texts} <= files
    assert "THIRD_PARTY.md" in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
