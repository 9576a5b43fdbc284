"""What `import voicecoach` gives: all of it documented, and nothing else."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import voicecoach as vc
from scripts.support.environment import ROOT
from voicecoach import errors
from voicecoach.api.calls import Engine
from voicecoach.api.prosody import ProsodyExtractor
from voicecoach.types.events import EVENT_TYPES

FUNCTIONS = sorted(name for name in vc.__all__ if inspect.isfunction(getattr(vc, name)))
CLASSES = sorted(name for name in vc.__all__ if inspect.isclass(getattr(vc, name)))
METHODS = sorted(
    f"{kind.__name__}.{name}"
    for kind in (Engine, ProsodyExtractor)
    for name in dir(kind)
    if not name.startswith("_") and callable(getattr(kind, name))
)


def found(name: str) -> object:
    """Return a public object by its dotted name."""
    thing: object = vc
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


def sections(name: str) -> dict[str, str]:
    """Return the sections of a docstring by title, what stands before the first as ""."""
    parts = re.split(r"\n\n(\w+)\n-+\n", inspect.getdoc(found(name)) or "")
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def run(program: str) -> str:
    """Return what a program prints that finds the package that is tested."""
    command = [sys.executable, "-W", "error", "-c", program]
    env = {"PYTHONPATH": str(ROOT), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def test_the_names_are_listed_once_and_sorted() -> None:
    constants = [name for name in vc.__all__ if name.isupper()]
    assert len(set(vc.__all__)) == len(vc.__all__)
    assert dir(vc) == sorted(vc.__all__)
    assert set(constants) == {"HOP", "MAX_HOPS", "SAMPLE_RATE"}
    assert len(FUNCTIONS) + len(CLASSES) + len(constants) + 1 == len(vc.__all__)


def test_each_name_is_what_those_who_check_types_are_told() -> None:
    tree = ast.parse(Path(vc.__file__).read_text("utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If)
        and "import" in ast.unparse(node)
        and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert told.keys() == set(vc.__all__) - {"__version__"}
    for name, module in told.items():
        assert getattr(vc, name) is getattr(importlib.import_module(module), name)


def test_all_events_and_errors_are_public() -> None:
    wanted = {kind.__name__ for kind in EVENT_TYPES} | {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, vc.VoiceCoachError)
    }
    assert wanted <= set(vc.__all__)


def test_nothing_else_is_there() -> None:
    program = "import voicecoach as vc; vc.replay; vc.prosody; print([*vars(vc)])"
    names = set(ast.literal_eval(run(program)))
    names = {name for name in names if not name.startswith("_")}
    others = {n for n in names - set(vc.__all__) if not isinstance(getattr(vc, n), ModuleType)}
    assert not others
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        vc.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_voicecoach_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import voicecoach; voicecoach.__version__; "
    found = run(program + "print(*sorted(set(sys.modules) - before))")
    assert found == "voicecoach voicecoach.version\n"
    quiet = "import os, voicecoach as v; print(os.environ['ORT_DISABLE_TELEMETRY'], v.Speaker)"
    assert run(quiet) == "1 <enum 'Speaker'>\n"


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS])
def test_each_function_documents_what_it_takes_gives_and_raises(name: str) -> None:
    read, function = sections(name), found(name)
    assert read[""].split("\n")[0].endswith((".", ":"))
    source = inspect.getsource(function)  # type: ignore[arg-type]
    assert ("Raises" in read) == ("raise" in source or name in RAISING)
    taken = [p for p in inspect.signature(function).parameters if p != "self"]  # type: ignore[arg-type]
    described = [line for line in read.get("Parameters", "").splitlines() if line[:1].strip()]
    assert described == taken or not described
    if arrays := {"y", "chunk"} & set(taken):
        assert described, arrays
        assert "[n]" in read["Parameters"]
        assert "[channels, n]" in read["Parameters"]
        assert "full scale 1.0" in read["Parameters"]


RAISING = {
    *("replay", "read_log", "prosody", "load_config", "Engine.default", "Engine.process"),
    *("Engine.restore", "ProsodyExtractor.process"),
}
"""What raises by what it calls."""


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_is_documented(name: str) -> None:
    assert vars(found(name)).get("__doc__")
    assert sections(name)[""].split("\n")[0].endswith((".", ":"))


WITH_EXAMPLES = [
    *FUNCTIONS,
    *("Engine", "Engine.default", "ProsodyExtractor"),
    *(name for name in METHODS if name.startswith("ProsodyExtractor")),
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_example_runs(name: str) -> None:
    ran = 0
    for example in doctest.DocTestFinder(recurse=False).find(found(name), name, globs={}):
        result = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(example)
        assert result.failed == 0
        ran += result.attempted
    assert ran, "it has no example"
