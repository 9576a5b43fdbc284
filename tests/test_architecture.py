"""Who may import whom: each folder names what it may import, and nothing else is allowed."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "voicecoach"

BASE = {"types", "errors", "version"}
"""The values that cross a stage, and the errors: everything may name them."""
SHELL_BASE = {*BASE, "config", "text_safety", "views", "shell.runtime"}
CORE: dict[str, set[str]] = {
    "version": set(),
    "types": set(),
    "errors": set(),
    "package_data": {"types"},
    "onnx_model": BASE,
    "dsp": BASE,
    "text_safety": BASE,
    "config": {*BASE, "text_safety"},
    "audio": {*BASE, "config", "dsp", "onnx_model"},
    "estimates": {*BASE, "config", "dsp", "onnx_model", "text_safety"},
    "language": {*BASE, "audio", "config", "onnx_model", "package_data", "text_safety"},
    "coaching": {
        *BASE, "audio", "config", "estimates", "language", "package_data", "text_safety",
    },
    "engine_state": {*BASE, "audio", "coaching", "config", "estimates"},
    "engine": {
        *BASE, "audio", "coaching", "config", "dsp", "engine_state", "estimates", "language",
    },
    "views": {*BASE, "coaching", "estimates", "language", "text_safety"},
    "scoring": {*BASE, "coaching", "estimates", "language", "views"},
    "journal": {*BASE, "coaching", "views"},
    "laboratory": {*BASE, "coaching", "config", "views"},
}  # fmt: skip
"""The core: values in, values out.  A folder may import itself and what stands here."""
SHELL: dict[str, set[str]] = {
    "shell.runtime": {*CORE},
    "shell.capture": {*BASE, "shell.runtime"},
    "shell.control": {*BASE, "shell.runtime"},
    "shell.asr": {*SHELL_BASE, "dsp", "language"},
    "shell.views": {*SHELL_BASE, "coaching", "estimates", "shell.control"},
    "shell.results": {
        *SHELL_BASE, "coaching", "engine", "estimates", "language", "scoring", "shell.asr",
    },
    "shell.live": {*SHELL_BASE, "audio", "coaching", "shell.asr", "shell.capture", "shell.results"},
    "shell.report": {*SHELL_BASE, "shell.live", "shell.results"},
    "shell.journal": {*SHELL_BASE, "journal", "shell.live", "shell.results", "shell.views"},
    "shell.archive": {*SHELL_BASE, "coaching", "shell.asr", "shell.results", "shell.views"},
    "shell.apps": {
        *SHELL_BASE, "coaching", "shell.archive", "shell.asr", "shell.capture", "shell.control",
        "shell.journal", "shell.live", "shell.report", "shell.results", "shell.views",
    },
    "shell.laboratory": {
        *SHELL_BASE, "coaching", "laboratory", "shell.apps", "shell.results", "shell.views",
    },
}  # fmt: skip
"""What may block: files, devices, threads, screens.  No circle either."""
OUTSIDE: dict[str, set[str]] = {
    "shell.plugins": {
        "config",
        "views",
        "shell.asr",
        "shell.capture",
        "shell.runtime",
        "shell.views",
    },
    "api": {*CORE, "shell.apps", "shell.asr", "shell.results", "shell.runtime"},
    "testing": {*CORE, *SHELL},
    "commands": {*CORE, *SHELL},
    "__main__": {*BASE, "commands", "shell.control", "shell.runtime", "shell.views"},
}
MAY_IMPORT = CORE | SHELL | OUTSIDE

PURE = {
    "__future__", "ast", "bisect", "collections", "contextlib", "copy", "enum", "functools",
    "difflib", "hashlib", "io", "itertools", "math", "msgspec", "numpy", "operator", "re", "scipy",
    "statistics", "string", "tomli_w", "tomllib", "types", "typing",
    "unicodedata", "zipfile", "zlib",
}  # fmt: skip
"""What the core may import beside itself: nothing of it knows a clock, a file or a thread."""
EXCEPTIONS = {("onnx_model", "onnxruntime"), ("package_data", "pkgutil")}
"""Models are run in one place, and the package's own data read in one."""


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def folder(module: str) -> str | None:
    """Return the folder of a dotted module of the package, None for the package's face."""
    parts = module.split(".")
    if parts[0] != "voicecoach" or len(parts) == 1:
        return None
    if parts[1] == "__init__":
        return None
    if parts[1] == "shell":
        return "shell" if len(parts) == 2 or parts[2] == "__init__" else f"shell.{parts[2]}"
    return parts[1]


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_folder_imports_only_what_it_may(path: Path) -> None:
    own = folder(name_of(path))
    if own is None or own == "shell":
        return
    assert own in MAY_IMPORT, f"{own} stands in no list: say what it may import"
    for module in imports(path):
        other = folder(module)
        if other not in (None, own):
            assert other in MAY_IMPORT[own], f"{name_of(path)} imports {module}"


def test_the_lists_have_no_circle_and_name_only_what_there_is() -> None:
    here = {folder(name_of(path)) for path in FILES} - {None, "shell"}
    assert set(MAY_IMPORT) == here
    order: list[str] = []
    while left := [name for name in MAY_IMPORT if name not in order]:
        ready = [name for name in left if MAY_IMPORT[name] <= {*order, name}]
        assert ready, f"a circle among {left}"
        order += ready


@pytest.mark.parametrize(
    "path", [path for path in FILES if folder(name_of(path)) in CORE], ids=name_of
)
def test_the_core_is_pure(path: Path) -> None:
    own = folder(name_of(path))
    for module in imports(path):
        top = module.split(".")[0]
        assert top == "voicecoach" or top in PURE or (own, top) in EXCEPTIONS, module
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("open", "io.open", "io.FileIO"), "the shell reads files"


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
