"""The import direction: shell -> engine -> stages -> dsp -> types, and nothing points back."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "voicecoach"
CORE = [
    p
    for p in PACKAGE.rglob("*.py")
    if not {"shell", "api", "testing", "commands", "__main__.py"}
    & set(p.relative_to(PACKAGE).parts)
]
OUTSIDE = {
    "asyncio", "datetime", "faster_whisper", "librosa", "logging", "multiprocessing", "queue",
    "random", "rich", "socket", "sounddevice", "soundfile", "soxr", "subprocess", "sys",
    "threading", "time", "typer", "PySide6", "starlette", "uvicorn",
}  # fmt: skip
LAYERS = [
    "types",
    "errors",
    "dsp",
    "stages",
    "engine",
    "views",
    "shell",
    "api",
    "testing",
    "commands",
    "__main__",
]
"""From the bottom up; a module may import its own layer and those below."""
VIEWS = {
    "catalogue",
    "display",
    "eventlog",
    "exports",
    "journal",
    "laboratory",
    "report",
    "scorecard",
    "scoring",
    "snapshot",
    "summary",
}


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer(module: str) -> int | None:
    """Return the layer of a dotted module of the package."""
    parts = module.split(".")
    if parts[0] != "voicecoach" or len(parts) == 1 or parts[1] == "__version__":
        return None
    name = parts[1]
    if name in VIEWS:
        name = "views"
    return LAYERS.index(name if name in LAYERS else "stages")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports(path)} & OUTSIDE


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_nothing_points_back(path: Path) -> None:
    own = layer(name_of(path))
    if own is None or path.name == "__init__.py":
        return
    for module in imports(path):
        other = layer(module)
        assert other is None or other <= own, f"{name_of(path)} imports {module}"


def test_librosa_is_never_on_the_live_path() -> None:
    assert not any(
        "librosa" in imports_of for p in PACKAGE.rglob("*.py") for imports_of in imports(p)
    )


FORBIDDEN = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib", "yaml"}
"""What runs code out of data.  Dask sends tasks so, between processes of its own, over TLS."""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_no_data_is_run_as_code(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports(path)} & FORBIDDEN
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "__import__"), called
            assert called not in ("os.system", "os.popen", "subprocess.getoutput"), called
            named = {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert named.get("shell", "False") == "False", called
            assert named.get("allow_pickle", "False") == "False", called
            if called == "np.load":
                assert named.get("allow_pickle") == "False"


def test_everything_that_listens_is_on_loopback() -> None:
    said = {
        (name_of(path), ast.unparse(node.func))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1]
        in ("create_server", "make_server", "start_http_server", "bind", "Listener", "LocalCluster")
    }
    assert {place for place, _ in said} == {
        "voicecoach.shell.archive.cluster",  # host="127.0.0.1", TLS
        "voicecoach.shell.control.web_app",  # 127.0.0.1, a token
    }
