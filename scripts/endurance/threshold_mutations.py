"""Double and halve every threshold of the core and of the cue rules, and see which tests fail.

    python -m scripts.endurance.threshold_mutations                     all of it, about an hour
    python -m scripts.endurance.threshold_mutations --only voicecoach.coaching --only cues.soften
    python -m scripts.endurance.threshold_mutations --mirror --sample 12 --seed 7  a dozen, as in CI
    python -m scripts.endurance.threshold_mutations --results FILE [--survivors]   resume, or rerun

A threshold is a number that a core module assigns to a constant (alone or inside a tuple, a dict or
a class instance), or a number in `coaching/cues.toml`.  In a copy of the checkout, one threshold at
a time is doubled and halved (a zero becomes one).  The tests of its module run there until one
fails: first its mirror in `tests/` and the tests of its room that reach it, then other tests that
import it.  Of each group, the fastest tests that fit into `--budget` seconds run.

With `--mirror` only the mirror runs (for the cue rules, `tests/coaching/test_cue_rules.py`).  That
takes a few seconds per change, but a threshold that only other tests check survives.

First, each test file runs once without a change.  Tests that fail then are not used, because they
would fail for every change.

The copy leaves out `docs/`: a test that compares a generated page would fail for any changed
number, whatever it means.  The script exits with 1 if more than `--at-most` of the thresholds
survive in either direction.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
COPIED = ("voicecoach", "tests", "scripts", "pyproject.toml")
LINKED = ("models", "samples")
PRELOADED = ["pytest", "hypothesis", "numpy", "scipy.signal", "scipy.fft", "msgspec", "soundfile",
             "soxr", "typer", "rich.console", "onnxruntime"]  # fmt: skip
CUES = "voicecoach/coaching/cues.toml"
OF_DATA = {CUES: "voicecoach.coaching.cues"}
"""Module whose tests belong to a data file."""
NO_TEST_RAN = 5
"""Exit code of pytest when it ran no test."""
MIRROR_OF_DATA = {CUES: "tests/coaching/test_cue_rules.py"}
"""Test file that checks the numbers of a data file."""

NO_THRESHOLDS = {
    r"types\.": "the shape of the stream, which every buffer has",
    r"audio\.vad\.": "the size of what Silero's network takes",
    r"audio\.voice_embedding\.(?!NARROW)": "the size and shape of what CAM++ takes",
    r"dsp\.spectrum\.": "the frame and the bands that all models were trained on",
    r"dsp\.(pitch|voice|level|syllables|functionals|prosody|delay)\._": "a table or a formula",
    r"audio\.(channels|near_voice)\._": "computed from levels in dBFS",
    r"dsp\.pitch\.": "what the pitch network takes, and was trained with",
    r"dsp\.functionals\._": "a statistic's definition",
    r"dsp\.prosody\.SEMITONE_REFERENCE_HZ": "the unit of a scale",
    r"errors\.EXIT_": "an exit code",
    r".*\.(LOG_SCHEMA|BASELINE_VERSION|TIME_DECIMALS|SIGNAL_DECIMALS|SCORE_DECIMALS|ID_DIGITS)":
        "a format",
    r"estimates\.posterior\._MIN_WORTH_S": "keeps a division by zero away, where nothing is known",
    r"journal\.trends\._TAILS": "computed",
    r"journal\.trends\.RESAMPLES": "how many samples a bootstrap draws: more are only more exact",
    r"dsp\.(level\.ENVELOPE_STEP|prosody\.GROUP_HOPS|delay\.CORRELATION_WINDOW|clipping\._)":
        "how much is computed at a time",
    r"views\.exports\.MILLISECOND": "a unit",
}  # fmt: skip
"""Constants that affect no decision: a pattern of names below `voicecoach.`, and the reason."""


class Mutant(NamedTuple):
    """One number to change, and what to change it to."""

    threshold: str
    """Name of the constant or rule value; its two mutants share it."""
    change: str
    path: str
    """Path within the checkout."""
    start: int
    end: int
    """End of the bytes to replace."""
    text: str

    @property
    def id(self) -> str:
        """Return the mutant's name in the results."""
        return f"{self.threshold} {self.change}"


class Outcome(NamedTuple):
    """Result of the tests for a mutant."""

    verdict: str
    """"killed", "survived" or "timeout"."""
    by: str = ""
    """The test that failed."""
    seconds: float = 0.0


# --- what can be changed ------------------------------------------------------------------------


def core_modules() -> dict[str, Path]:
    """Return the core modules by dotted name."""
    package = CHECKOUT / "voicecoach"
    return {
        dotted(path): path
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0]
        not in ("shell", "api", "testing", "commands", "__main__.py")
        and path.name != "__init__.py"
    }


def dotted(path: Path) -> str:
    """Return the dotted module name of a file."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def constants(module: str, path: Path) -> Iterator[Mutant]:
    """Yield the mutants of a module's constants."""
    source = path.read_bytes()
    scope = vars(importlib.import_module(module))
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for name, value in assigned(ast.parse(source)):
        if not re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name):
            continue
        for place, part, number in numbers(value, scope):
            start = starts[part.lineno - 1] + part.col_offset
            end = starts[(part.end_lineno or 0) - 1] + (part.end_col_offset or 0)
            text = source[start:end].decode()
            for change, changed in changes(f"({text})", number):
                relative = str(path.relative_to(CHECKOUT))
                yield Mutant(f"{module}.{name}{place}", change, relative, start, end, changed)


def assigned(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name that a module assigns, with the value expression."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for each, value in zip(names, values, strict=True):
                    yield ast.unparse(each), value


def numbers(node: ast.expr, scope: dict[str, Any]) -> Iterator[tuple[str, ast.expr, float]]:
    """Yield the largest expressions that are one number, with their places and values."""
    written = [n for n in ast.walk(node) if isinstance(n, ast.Constant)]
    known = all(isinstance(n.value, int | float) and not isinstance(n.value, bool) for n in written)
    if written and known and not any(isinstance(n, ast.Tuple | ast.Dict) for n in ast.walk(node)):
        number = eval(compile(ast.Expression(node), "", "eval"), dict(scope))
        if isinstance(number, int | float):
            yield "", node, number
            return
    match node:
        case ast.Tuple() | ast.List() | ast.Set():
            parts = [(f"[{i}]", part) for i, part in enumerate(node.elts)]
        case ast.Dict():
            parts = [
                (f"[{ast.unparse(key) if key else i}]", part)
                for i, (key, part) in enumerate(zip(node.keys, node.values, strict=True))
            ]
        case ast.Call(func=ast.Name(id=name)) if name[0].isupper() or name in ("dict", "frozenset"):
            parts = [(f"[{i}]", part) for i, part in enumerate(node.args)]
            parts += [(f".{k.arg}", k.value) for k in node.keywords]
        case _:
            return
    for place, part in parts:
        for inner, expression, value in numbers(part, scope):
            yield place + inner, expression, value


def changes(text: str, number: float) -> list[tuple[str, str]]:
    """Return the changes of a number: the name of each, and its expression."""
    if number == 0:
        return [("+ 1", f"{text} + 1")]
    halved = f"{text} // 2" if isinstance(number, int) else f"{text} / 2"
    return [("x 2", f"({text} * 2)"), ("/ 2", f"({halved})")]


def rule_values() -> Iterator[Mutant]:
    """Yield the mutants of the cue rules: every number of every cue."""
    source = (CHECKOUT / CUES).read_bytes()
    cue, rule, at = "", 0, 0
    for line in source.splitlines(keepends=True):
        text = line.decode()
        if text.startswith("[[cue.rule]]"):
            rule += 1
        elif found := re.match(r'id = "(.*)"', text):
            cue, rule = found[1], 0
        if not text.startswith(("#", "message", "say")):
            for number in re.finditer(r"(\w+) = (-?\d[\d.]*)", text):
                signal_ = re.findall(r'signal = "(\w+)", op = "(..?)"', text[: number.start()])
                what = "".join(signal_[-1]) if signal_ else number[1]
                where = f"cues.{cue}.{f'rule{rule}.' if rule else ''}{what}"
                value = tomllib.loads(number[0])[number[1]]
                start = at + len(text[: number.start(2)].encode())
                for change, expression in changes(number[2], value):
                    changed = repr(eval(expression))
                    yield Mutant(where, change, CUES, start, start + len(number[2]), changed)
        at += len(line)


def all_mutants() -> list[Mutant]:
    """Return all mutants."""
    found = [
        mutant
        for module, path in core_modules().items()
        for mutant in constants(module, path)
        if not any(
            re.match(pattern, mutant.threshold.removeprefix("voicecoach."))
            for pattern in NO_THRESHOLDS
        )
    ]
    return found + list(rule_values())


# --- choice of tests ----------------------------------------------------------------------------


@cache
def import_graph() -> dict[str, set[str]]:
    """Return the modules of `voicecoach` and `tests`, each with the modules that it imports."""
    files = {
        dotted(p): p for root in ("voicecoach", "tests") for p in (CHECKOUT / root).rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        found = graph.setdefault(module, set())
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= (inner & files.keys()) or {node.module}
        found &= files.keys()
    return graph


def mirror_of(path: str) -> str:
    """Return the test file that mirrors a module or a data file."""
    folder, _, name = path.partition("/")[2].rpartition("/")
    return MIRROR_OF_DATA.get(path) or "/".join(filter(None, ("tests", folder, f"test_{name}")))


def mirrors_of(path: str) -> list[list[str]]:
    """Return the mirror as the only group of test files, or no group if there is none."""
    return [[mirror_of(path)]] if (CHECKOUT / mirror_of(path)).exists() else []


def tests_of(path: str) -> list[list[str]]:
    """Return the test files that belong to a file in groups, the closest group first.

    The first group is its mirror and the tests of its room that import it directly or indirectly.
    Other tests that import it follow.
    """
    graph = import_graph()
    module = OF_DATA.get(path) or dotted(CHECKOUT / path)
    mirror = dotted(CHECKOUT / mirror_of(path))
    room = mirror.rpartition(".")[0]
    near = {m for m, imported in graph.items() if module in imported}
    found = {}
    for test, imported in graph.items():
        if not test.rpartition(".")[2].startswith("test_") or test.startswith("tests.calls."):
            continue
        of_room = test.rpartition(".")[0] == room
        if test == mirror or (of_room and (module in imported or imported & near)):
            found[test] = 0
        elif module in imported:
            found[test] = 1
    ranked = sorted(found.items(), key=itemgetter(1, 0))
    return [
        [f"{test.replace('.', '/')}.py" for test, _ in group]
        for _, group in groupby(ranked, key=itemgetter(1))
    ]


class TimedTests:
    """The test files, with the duration of each test and those that fail without a mutation."""

    def __init__(self, kept: Path, run: Callable[[str], dict[str, Any]]) -> None:
        self._kept, self._run = kept, run
        self._known: dict[str, dict[str, Any]] = {}
        kept.parent.mkdir(parents=True, exist_ok=True)
        if kept.exists():
            self._known = json.loads(kept.read_text())

    def measure(self, file: str) -> dict[str, Any]:
        """Return the result of running a test file without a mutation."""
        content = hashlib.sha256((CHECKOUT / file).read_bytes()).hexdigest()[:16]
        if self._known.get(file, {}).get("content") != content:
            found = self._run(file)
            self._known[file] = {"content": content, **found}
            self._kept.write_text(json.dumps(self._known, indent=1))
            for test in found["failed"]:
                print(f"red without a mutation, and not used: {test}", flush=True)
        return self._known[file]

    def chosen(self, groups: list[list[str]], budget_s: float) -> tuple[list[str], float]:
        """Return pytest's arguments for groups of test files, and how long their tests take."""
        arguments: list[str] = []
        total = 0.0
        for files in groups:
            known = [self.measure(file) for file in files]
            red = {test for found in known for test in found["failed"]}
            times = {test: s for found in known for test, s in found["seconds"].items()}
            chosen = set()
            for test, seconds in sorted(times.items(), key=itemgetter(1)):
                if test not in red and total + seconds <= budget_s:
                    chosen.add(test)
                    total += seconds
            for file, found in zip(files, known, strict=True):
                if chosen.intersection(found["collected"]):
                    left_out = sorted(set(found["collected"]) - chosen)
                    arguments += [file, *(f"--deselect={test}" for test in left_out)]
            if total > 0.8 * budget_s:
                break
        return arguments, total


# --- a run --------------------------------------------------------------------------------------


class Watcher:
    """A pytest plugin that records the collected tests, their durations and failures."""

    def __init__(self, stop_after_s: float) -> None:
        self.collected: list[str] = []
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._end = time.monotonic() + stop_after_s
        self._session: Any = None

    def pytest_collection_finish(self, session: Any) -> None:
        """Record the collected tests."""
        self._session = session
        self.collected = [item.nodeid for item in session.items]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Record a duration, and a failure if there is one."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)
        if time.monotonic() > self._end:
            self._session.shouldstop = "that is long enough"

    def pytest_collectreport(self, report: Any) -> None:
        """Record a module that cannot be imported."""
        if report.failed:
            self.failed.append(f"{report.nodeid} (import)")


def run_pytest(tree: Path, arguments: Sequence[str], found: Path, stop_after_s: float) -> None:
    """Run tests in a copy, in a separate process that has imported nothing of voicecoach."""
    os.setpgid(0, 0)
    log = os.open(found.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir(tree)
    for name in [n for n in sys.modules if n.split(".")[0] in ("voicecoach", "tests", "scripts")]:
        del sys.modules[name]
    sys.path[:] = [str(tree), *(p for p in sys.path if p not in ("", str(CHECKOUT)))]
    sys.dont_write_bytecode = True
    os.environ["PYTHONPATH"] = str(tree)
    import hypothesis
    import pytest

    # Every run tries the same examples.  Without the shrink phase, hypothesis spends no time on
    # finding a smaller failing example.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutations", derandomize=True, deadline=None, database=None, phases=phases
    )
    watcher = Watcher(stop_after_s)
    code = pytest.main(
        ["-q", "--assert=plain", "-p", "no:cacheprovider", "-o", "addopts=",
         "--hypothesis-profile=mutations", f"--basetemp={tree}.tmp", *arguments],
        plugins=[watcher],
    )  # fmt: skip
    notes = {name: getattr(watcher, name) for name in ("collected", "seconds", "failed")}
    found.write_text(json.dumps({"code": code, **notes}))
    os._exit(0)


class Trees:
    """Copies of the checkout, one for each job."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._free: SimpleQueue[Path] = SimpleQueue()
        for job in range(jobs):
            tree = folder / str(job) / "voicecoach"
            tree.mkdir(parents=True)
            for name in COPIED:
                copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy2
                copy(CHECKOUT / name, tree / name)
            for name in LINKED:
                (tree / name).symlink_to(CHECKOUT / name)
            self._free.put(tree)

    def measure(self, file: str) -> dict[str, Any]:
        """Return the result of running a test file; the run is stopped after a minute."""
        found = self._run([file], None, 300.0, 60.0)
        return found or {"collected": [], "seconds": {}, "failed": [f"{file} hangs"]}

    def judge(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> Outcome:
        """Run a mutant's tests, which take `seconds` without the mutation."""
        if not tests:
            return Outcome("survived", "there is no test")
        begun = time.monotonic()
        result = self._run(["-x", *tests], mutant, 60.0 + 10 * seconds, 1e9)
        took = round(time.monotonic() - begun, 1)
        if result is None:
            return Outcome("timeout", "", took)
        code = int(result["code"])
        if code in (0, NO_TEST_RAN):
            return Outcome("survived", "no test ran" if code else "", took)
        return Outcome("killed", (result["failed"] or [f"exit code {code}"])[0], took)

    def _run(
        self, arguments: Sequence[str], mutant: Mutant | None, timeout_s: float, stop_s: float
    ) -> dict[str, Any] | None:
        """Return the tests' result in a copy with a number changed, or None on a timeout."""
        tree = self._free.get()
        found = tree.parent / "found.json"
        found.unlink(missing_ok=True)
        target = tree / mutant.path if mutant else None
        try:
            if target and mutant:
                source = (CHECKOUT / mutant.path).read_bytes()
                changed = source[: mutant.start] + mutant.text.encode() + source[mutant.end :]
                target.write_bytes(changed)
            process = self._context.Process(
                target=run_pytest, args=(tree, arguments, found, stop_s)
            )
            process.start()
            process.join(timeout_s)
            if process.is_alive() and process.pid:
                os.killpg(process.pid, signal.SIGKILL)
                process.join()
                return None
            if not found.exists():
                log = found.with_suffix(".log")
                raise RuntimeError(f"exit code {process.exitcode}: {log.read_text()[-2000:]}")
            result: dict[str, Any] = json.loads(found.read_text())
            return result
        finally:
            if target and mutant:
                shutil.copy2(CHECKOUT / mutant.path, target)
            self._free.put(tree)


def share(text: str) -> float:
    """Return a percentage such as "5%" as a number."""
    return float(text.removesuffix("%")) / 100


def drawn(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return a random sample of mutants; the same seed draws the same ones while they exist."""
    key = {m: hashlib.sha256(f"{seed} {m.id}".encode()).digest() for m in mutants}
    return sorted(mutants, key=lambda m: key[m])[:count]


def main() -> int:
    """Run the script; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], help="names that begin so")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--at-most", type=share, default=0.05, metavar="5%%")
    parser.add_argument("--budget", type=float, default=15.0, help="seconds of tests for a mutant")
    parser.add_argument("--mirror", action="store_true", help="run the mirror's tests alone")
    parser.add_argument("--sample", type=int, help="so many, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin none after that")
    parser.add_argument("--results", type=Path, help="kept here; what is in it is not run again")
    parser.add_argument("--survivors", action="store_true", help="run those of --results again")
    parser.add_argument("--list", action="store_true", help="list the thresholds, and end")
    options = parser.parse_args()

    mutants = [m for m in all_mutants() if not options.only or m.id.startswith(tuple(options.only))]
    if options.sample:
        mutants = drawn(mutants, options.sample, options.seed)
    if options.list:
        print("\n".join(dict.fromkeys(m.threshold for m in mutants)))
        return 0
    done: dict[str, Outcome] = {}
    if options.results and options.results.exists():
        for line in options.results.read_text().splitlines():
            row = json.loads(line)
            mutant_id = row.pop("mutant")
            done[mutant_id] = Outcome(**row)
    if options.survivors:
        mutants = [m for m in mutants if m.id in done and done[m.id].verdict != "killed"]
        done = {i: o for i, o in done.items() if o.verdict == "killed"}
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="thresholds-") as folder:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        trees = Trees(Path(folder), options.jobs)
        times = (
            options.results.with_suffix(".times.json") if options.results else Path(folder, "times")
        )
        tests = TimedTests(times, trees.measure)

        def work(mutant: Mutant, chosen: list[str], seconds: float) -> None:
            if time.monotonic() > end:
                return
            outcome = done[mutant.id] = trees.judge(mutant, chosen, seconds)
            print(f"{outcome.verdict:9}{mutant.id}  {outcome.seconds} s  {outcome.by}", flush=True)
            if options.results:
                with options.results.open("a") as results:
                    results.write(json.dumps({"mutant": mutant.id, **outcome._asdict()}) + "\n")

        with ThreadPoolExecutor(options.jobs) as pool:
            waiting = []
            for mutant in mutants:
                if mutant.id not in done:
                    groups = (mirrors_of if options.mirror else tests_of)(mutant.path)
                    waiting.append(pool.submit(work, mutant, *tests.chosen(groups, options.budget)))
            for each in waiting:
                each.result()
    return report(mutants, done, options.at_most)


def report(mutants: Sequence[Mutant], done: dict[str, Outcome], at_most: float) -> int:
    """Print the survivors; return the exit code."""
    judged = [m for m in mutants if m.id in done]
    alive = [m for m in judged if done[m.id].verdict != "killed"]
    thresholds = dict.fromkeys(m.threshold for m in judged)
    lasting = dict.fromkeys(m.threshold for m in alive)
    part = len(lasting) / max(len(thresholds), 1)
    print(f"\n{len(judged)} of {len(mutants)} mutants, {len(alive)} survived")
    print(f"{len(thresholds)} thresholds, {len(lasting)} survived a change: {part:.1%}")
    for mutant in alive:
        print(f"  {done[mutant.id].verdict:9}{mutant.id}")
    return int(part > at_most or not judged)


if __name__ == "__main__":
    sys.exit(main())
