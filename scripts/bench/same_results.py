"""Check that a change leaves the results of every call as they were.

    python -m scripts.bench.same_results [--before COMMIT] [--only NAME] [--structure] [--keep DIR]

Checks out COMMIT, runs its code and this tree's code on the same calls, each side in processes of
its own, and compares all files that they write, what they print, and their exit codes.  The calls:

- every recording of the shared data's `calls/`, `complaint/` and `reported/inputs/`, transcribed by
  the shipped recogniser.  If one side refuses a recording, the other must refuse it too;
- every staged scenario, once.  Each side stages it with its own copy of this script and writes
  down what the scripted recogniser answered, so that `replay --as-heard` uses the same words again.
  If COMMIT does not have this script, it gets this tree's staged calls.

Files must be the same byte for byte, except for the version, for what `RENAMED` and `ADDED` list,
and for the checksums in a report's header, which follow from the rest.  With `--structure`,
sentences may be reworded.  Then JSON must have the same keys and values except for sentences;
pages, Markdown and printed text the same numbers, times and ids; exports all but the cues'
messages.

Results of COMMIT are kept in `--keep` and made only once; those of this tree that differ go to its
folder `differ-HEAD`.  Several runs may share `--keep`.  With `--quick`, calls that are kept are not
staged again.  That halves the time, but what the engine requests from the recogniser is then
compared on recordings only.  The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html.parser import HTMLParser
from itertools import takewhile, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import soundfile

from scripts.bench.cues import SCENARIOS
from scripts.staging import stage_call
from scripts.staging.scripted_words import ToldAsr
from scripts.support import corpora
from voicecoach import config
from voicecoach.coaching.cues import built_in_cues
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.results.input_log import INPUTS_FILE, RecordingEngine
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.types.events import TranscribeRequest
from voicecoach.views import event_log


class Renamed(NamedTuple):
    """A text that changed in the files, the file names or the command lines."""

    old: str
    """The literal text; a field's name needs its quotes."""
    new: str
    """The text in its place on the new side."""
    why: str


RENAMED: tuple[Renamed, ...] = (
    Renamed('"schema":2', '"schema":3', "the event log's, as its fields were renamed"),
    *(
        Renamed(f'"usual_{field}"', f'"baseline_{field}"', "the glossary: baseline, not usual")
        for field in ("rate_syl_s", "overlaps_per_min", "reply_gap_s", "talk_share", "calls")
    ),
    Renamed('"agent_usual_', '"agent_baseline_', "the same, of a signal and the summary"),
)


class Added(NamedTuple):
    """A part of the logs that only the new side writes."""

    pattern: str
    """Regular expression; its matches in the new side's .jsonl files are left out."""
    why: str


ADDED: tuple[Added, ...] = (
    Added(r'^\{"type":"(account|reply)",.*\n', "accounts and replies are events"),
    Added(
        r',"language":"\w*","thresholds":\{.*\}(?=\}$)',
        "the header says in which language words are read, and keeps the rules' thresholds",
    ),
)

ROOT = Path(stage_call.__file__).resolve().parents[len(stage_call.__name__.split(".")) - 1]
"""The root of this tree."""
CAST = 1
"""The cast with which the scenarios are staged."""
FRAMES = "11_said_again.flac"
"""A short call that is also replayed with `--frames`."""
LONGEST_S = 540.0
"""Time limit of a command, seconds."""
NOT_COMPARED = frozenset({"done", "none.toml", "stderr.txt", "score/events.jsonl"})
"""Files that are not compared, among them error messages."""

WORDING = frozenset(
    {"title", "message", "say", "instead", "hard_instead"}
    | {"practise", "why", "name", "note", "notes"}
)
"""JSON keys that hold a sentence; only its presence is compared."""
PROSE = frozenset({"formula", "value", "numbers", "evidence", "followed", "measured"})
"""JSON keys that hold text; only its numbers and quotations are compared."""
LABELLED = frozenset({"evidence", "numbers"})
"""JSON keys of rows whose first item is a sentence."""
CODES = frozenset({"reason", "closed_because"})
"""JSON keys that hold a code, which is compared, or a sentence, which is not."""

DERIVED = re.compile(r"""(sha256-|nonce-|nonce=")[A-Za-z0-9+/=]{32,44}""")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.:,/]\d+)*%?")
TYPE = re.compile(r"""\btype(?:":| =) ?["'](\w+)["']""")
QUOTED = re.compile(r'"[^"]*"|\u201c[^\u201d]*\u201d')


# --- what each side makes -----------------------------------------------------------------------


class Task(NamedTuple):
    """A call to compare."""

    name: str
    recording: Path | None
    """None for a scenario, which is staged first."""

    def commands(self) -> dict[str, list[str]]:
        """Return each command line by its output file; if the first fails, the rest are skipped."""
        if self.recording:
            given = [str(self.recording)]
            with contextlib.suppress(soundfile.LibsndfileError, TypeError):
                if soundfile.info(self.recording).channels == 1:
                    given += ["--mono", "customer"]
            stem = self.recording.stem
        else:
            stem = f"{self.name}-{CAST}"
            given = [f"staged/{stem}.wav", "--as-heard"]
        replay = ["replay", *given, "--config", "none.toml"]
        found = {
            "replay.txt": [*replay, "--out", "out", "--report"],
            "export.txt": ["export", f"out/{stem}", "--out", "export"],
            "score.txt": ["score", "score/events.jsonl"],
        }
        if self.name == FRAMES:
            found["frames.txt"] = [*replay, "--out", "frames", "--frames", "--no-transcribe"]
        return found


class Side(NamedTuple):
    """A source tree, and where its results are kept."""

    tree: Path
    results: Path
    version: str
    data: Path
    renamed: tuple[Renamed, ...] = ()
    """What has another name on the new side."""
    added: tuple[Added, ...] = ()
    """What only this side writes."""


def checked(found: Side) -> Side:
    """Check that the side runs its own tree's code, and return the side with its version.

    Raises
    ------
    SystemExit
        If other code would run.
    """
    found.results.mkdir(parents=True, exist_ok=True)
    code = "import voicecoach; print(voicecoach.__version__, voicecoach.__file__)"
    version, _, path = _python(found, ["-c", code], found.results).stdout.strip().partition(" ")
    if not Path(path).resolve().is_relative_to(found.tree.resolve()):
        raise SystemExit(f"{path} would run in place of the code in {found.tree}")
    return found._replace(version=version)


def _python(of: Side, given: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(of.tree),
        "VOICECOACH_DATA": str(of.data),
        "COLUMNS": "1000",
        "NO_COLOR": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *given],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=LONGEST_S,
    )


def made(of: Side, task: Task, staged: Path | None) -> Path:
    """Return the folder with a side's results for a call; make them if they are not there.

    Raises
    ------
    SystemExit
        If the call cannot be staged.
    """
    folder = of.results / task.name
    named = {row.new: row.old for row in of.renamed}
    commands = {
        file: [named.get(word, word) for word in command]
        for file, command in task.commands().items()
    }
    done, as_done = folder / "done", json.dumps(commands)
    if done.is_file() and done.read_text("utf-8") == as_done:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=of.results) as unfinished:
        made_in = Path(unfinished) / task.name
        made_in.mkdir()
        _make(of, task, commands, made_in, staged)
        (made_in / done.name).write_text(as_done, "utf-8")
        with contextlib.suppress(OSError):  # another run finished first, with the same results
            made_in.rename(folder)
    return folder


def _make(
    of: Side, task: Task, commands: dict[str, list[str]], folder: Path, staged: Path | None
) -> None:
    (folder / "none.toml").touch()
    if not task.recording:
        _stage(of, task, folder, staged)
    for file, command in commands.items():
        if file == "score.txt":  # scored from the log alone
            log = next((folder / "out").glob("*/events.jsonl"))
            (folder / "score").mkdir()
            shutil.copyfile(log, folder / "score" / log.name)
        ran = _python(of, ["-m", "voicecoach", *command], folder)
        (folder / file).write_text(f"{ran.stdout}exit code {ran.returncode}\n", "utf-8")
        with (folder / "stderr.txt").open("a", encoding="utf-8", errors="replace") as errors:
            errors.write(f"$ voicecoach {' '.join(command)}\n{ran.stderr}")
        if ran.returncode and file == "replay.txt":
            break


def _stage(of: Side, task: Task, folder: Path, staged: Path | None) -> None:
    if staged:
        shutil.copytree(staged / "staged", folder / "staged")
        return
    script = _script(of.tree)
    if script is None:
        raise SystemExit(f"{of.tree} has no copy of this script to stage {task.name} with")
    module = ".".join(script.relative_to(of.tree).with_suffix("").parts)
    ran = _python(of, ["-m", module, "--stage", task.name, "staged"], folder)
    if ran.returncode:
        raise SystemExit(f"{task.name} cannot be staged in {of.tree}:\n{ran.stderr}")


def _script(tree: Path) -> Path | None:
    return next(tree.glob("scripts/**/same_results.py"), None)


class Told(ToldAsr):
    """A scripted recogniser whose numbers are Python floats, so that they can be encoded."""

    def words(self, request: TranscribeRequest) -> list[TranscribedWord]:
        """Return the words for a request."""
        return [
            word._replace(
                start_s=float(word.start_s),
                end_s=float(word.end_s),
                probability=float(word.probability),
            )
            for word in super().words(request)
        ]


def stage(name: str, folder: Path) -> None:
    """Write a scenario's recording, its truth, and the engine's inputs other than the audio.

    The events go to `told.jsonl`; a replay with `--as-heard` gives the same events.
    """
    clips = stage_call.takes(corpora.folder("emodb"))
    staged = stage_call.stage(stage_call.load(SCENARIOS / f"{name}.toml"), name, clips, CAST)
    recording = stage_call.save(staged, folder)
    settings = config.Config()
    asr = Told(staged.truth, settings.transcription)
    engine = build_engine(settings, built_in_cues(), shipped_models())
    with (folder / INPUTS_FILE).open("wb") as inputs, (folder / "told.jsonl").open("wb") as told:
        noted = RecordingEngine(engine, words=True, write=lambda line: inputs.writelines([line]))
        for event in run_engine(RecordedCall.from_stereo(recording).blocks(), noted, asr):
            told.write(event_log.encode_event(event))


def tasks(folder: Path, only: str) -> list[Task]:
    """Return the calls whose names contain `only`."""
    places = [folder / name for name in ("calls", "complaint", "reported/inputs")]
    places = [place for place in places if place.is_dir()] or [folder]
    found = [Task(path.stem, None) for path in sorted(SCENARIOS.glob("*.toml"))]
    found += [
        Task(path.name, path.resolve())
        for place in places
        for path in sorted(place.iterdir())
        if path.is_file() and path.suffix not in (".md", ".txt")
    ]
    return [task for task in found if only in task.name]


# --- what is compared ---------------------------------------------------------------------------


class Page(HTMLParser):
    """Collects the content of an HTML page, without its styles and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.data = ""
        """The JSON in the page."""
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect ids, and hashes of `src` attributes."""
        named = dict(attrs)
        self._within = (named.get("type") or tag) if tag in ("script", "style") else ""
        if name := named.get("id"):
            self.lines.append(f"id {name}")
        if source := named.get("src"):
            self.lines.append(f"src {hashlib.sha256(source.encode()).hexdigest()}")

    def handle_endtag(self, tag: str) -> None:
        """Mark that the text is outside scripts and styles again."""
        self._within = ""

    def handle_data(self, data: str) -> None:
        """Collect the JSON, or the numbers in the text."""
        if self._within == "application/json":
            self.data += data
        elif not self._within:
            self.lines += NUMBER.findall(data)


def flat(value: Any, path: str = "", key: str = "") -> Iterator[str]:
    """Yield each leaf of a JSON value with its path, with sentences left out."""
    match value:
        case dict():
            for k, v in value.items():
                of_measure = k == "text" and value.get("measured") is True
                yield from flat(v, f"{path}.{k}", "measured" if of_measure else k)
        case list():
            for i, v in enumerate(value):
                yield from flat(v, f"{path}[{i}]", key)
        case str() if (
            key in WORDING
            or (key in CODES and " " in value)
            or (key in LABELLED and path.endswith("][0]"))
        ):
            yield f"{path} = {'a sentence' if value else 'none'}"
        case str() if key in PROSE:
            yield f"{path} = {[*QUOTED.findall(value), *NUMBER.findall(value)]}"
        case _:
            yield f"{path} = {value!r}"


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each string of a JSON value with its key."""
    match value:
        case dict():
            for k, v in value.items():
                yield from texts(v, k)
        case list():
            for v in value:
                yield from texts(v, key)
        case str():
            yield key, value


class Left:
    """The result files of one side for one call.

    Parameters
    ----------
    folder
        Folder of the files.
    of
        The side.
    structure
        Ignore the wording of sentences.
    """

    def __init__(self, folder: Path, of: Side, *, structure: bool) -> None:
        self._of, self._structure = of, structure
        self._version = re.compile(rf"(?<![\d.]){re.escape(of.version)}(?![\d.])")
        self.files = {
            self._known_as(path.relative_to(folder).as_posix()): path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.relative_to(folder).as_posix() not in NOT_COMPARED
        }
        self._sentences: list[str] = []
        self._messages: list[str] = []
        self._ids: list[str] = []
        if structure:
            values = [v for name in self.files if name.endswith(".json") for v in self._json(name)]
            found = {pair for value in values for pair in texts(value)}
            found = {(key, text) for key, text in found if " " in text or key == "id"}
            longest = sorted(found, key=lambda pair: len(pair[1]), reverse=True)
            self._sentences = [text for key, text in longest if key in WORDING | CODES]
            messages = [text for key, text in longest if key == "message"]
            self._messages = [*messages, *(text.replace('"', '""') for text in messages)]
            self._ids = [text for key, text in longest if key == "id" and "-" in text]

    def _known_as(self, text: str) -> str:
        for row in self._of.renamed:
            text = text.replace(row.old, row.new)
        return text

    def _text(self, name: str) -> str:
        text = self._known_as(self.files[name].read_bytes().decode("utf-8", "surrogateescape"))
        text = self._version.sub("VERSION", text)
        if name.endswith(".jsonl"):
            for row in self._of.added:
                text = re.sub(row.pattern, "", text, flags=re.MULTILINE)
        return DERIVED.sub(r"\1...", text) if name.endswith(".html") else text

    def _json(self, name: str) -> list[Any]:
        text = self._text(name)
        texts = text.splitlines() if name.endswith(".jsonl") else [text]
        return [json.loads(text) for text in texts]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file that are compared."""
        ending = name.rpartition(".")[2]
        if self._structure and ending == "jsonl":
            return ["; ".join(flat(value)) for value in self._json(name)]
        if self._structure and ending == "json":
            return [leaf for value in self._json(name) for leaf in flat(value)]
        if self._structure and ending == "html":
            page = Page()
            page.feed(self._text(name))
            data = json.loads(page.data) if page.data else {}
            return [*page.lines, *flat(data, "data")]
        if self._structure and ending in ("md", "txt"):
            text = _without(self._text(name).replace("\\", ""), self._sentences)
            ids = [rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in self._ids]
            found = re.compile("|".join([*ids, NUMBER.pattern]))
            return [" ".join(found.findall(line)) for line in text.splitlines() if line.strip()]
        return _without(self._text(name), self._messages).split("\n")


def _without(text: str, sentences: Sequence[str]) -> str:
    for sentence in sentences:
        text = text.replace(sentence, "")
    return text


def kind(name: str) -> str:
    """Return the kind of file under which a difference is printed."""
    first, _, rest = name.partition("/")
    if first in ("export", "score", "frames", "staged") and rest:
        return first
    return rest.rpartition("/")[2] or first.removesuffix(".txt") + " prints"


def difference(old: Sequence[str], new: Sequence[str]) -> str:
    """Describe where two files first differ, and up to which line; "" if they are the same."""
    first = _alike(zip_longest(old, new))
    if first == max(len(old), len(new)):
        return ""
    a, b = (lines[first] if first < len(lines) else "(nothing)" for lines in (old, new))
    since = max(0, _alike(zip_longest(a, b)) - 60)
    last = max(first + 1, len(old) - _alike(zip(reversed(old), reversed(new), strict=False)))
    until = f"; on to line {last}" if last > first + 1 else ""
    return f"line {first + 1} was {a[since : since + 140]!r}, is {b[since : since + 140]!r}{until}"


def _types(lines: Sequence[str], without: Sequence[str]) -> str:
    """Count, by event type, the lines that are in one log and not in the other."""
    alone = (Counter(lines) - Counter(without)).elements()
    found = (TYPE.search(line) for line in alone)
    types = Counter(match.group(1) if match else "other" for match in found)
    return ", ".join(f"{count} {name}" for name, count in types.items()) or "none"


def _alike(pairs: Iterable[tuple[object, object]]) -> int:
    """Count the equal pairs before the first unequal one."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def differences(old: Left, new: Left) -> dict[str, str]:
    """Return the first difference for each kind of file, "" if there is none."""
    found: dict[str, str] = {}
    for name in sorted(old.files.keys() | new.files.keys()):
        if name in old.files and name in new.files:
            lines = old.lines(name), new.lines(name)
            what = difference(*lines)
            if what and name.endswith(".jsonl"):
                what += f"; lines gone: {_types(*lines)}; lines new: {_types(*lines[::-1])}"
        else:
            what = "is gone" if name in old.files else "is new"
        found[kind(name)] = found.get(kind(name)) or (what and f"{name}: {what}")
    return found


def compared(task: Task, old: Side, new: Side, *, structure: bool, quick: bool) -> dict[str, str]:
    """Run a call on both sides and return the differences between the results."""
    quick = quick and (old.results / task.name / "done").is_file()
    if quick:
        was = made(old, task, None)
        now = made(new, task, was)
    else:
        now = made(new, task, None)
        was = made(old, task, None if _script(old.tree) else now)
    left = (Left(folder, of, structure=structure) for folder, of in ((was, old), (now, new)))
    found = differences(*left)
    return {name: what for name, what in found.items() if not (quick and name == "staged")}


# --- two commits --------------------------------------------------------------------------------


def _git(*given: str) -> str:
    ran = subprocess.run(["git", "-C", str(ROOT), *given], capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"git {' '.join(given)}: {ran.stderr.strip()}")
    return ran.stdout.strip()


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check out a commit into a temporary worktree."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        _git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def main() -> None:
    """Compare the two sides; with `--stage`, stage one call for a side."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--before", default="HEAD", help="the old commit; default: HEAD")
    parser.add_argument("--calls", type=Path, default=corpora.DATA, help="folder of recordings")
    parser.add_argument("--only", default="", help="calls whose name holds this")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--structure", action="store_true", help="sentences may be worded anew")
    parser.add_argument("--quick", action="store_true", help="stage no call that is kept staged")
    parser.add_argument("--keep", type=Path, help="where results stay; default: nowhere")
    parser.add_argument("--stage", nargs=2, metavar=("SCENARIO", "DIR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        stage(options.stage[0], Path(options.stage[1]))
        return
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("stopped")
    )  # so that temporary folders are removed
    calls = tasks(options.calls, options.only)
    if not calls:
        raise SystemExit(f"no call is called {options.only!r}")
    commit = _git("rev-parse", "--verify", f"{options.before}^{{commit}}")
    with contextlib.ExitStack() as stack:
        tree = stack.enter_context(checked_out(commit))
        keep = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keep.mkdir(parents=True, exist_ok=True)
        now = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="now-", dir=keep)))
        differ = keep / f"differ-{_git('rev-parse', '--short', 'HEAD')}"
        data = corpora.DATA.resolve()
        old = checked(Side(tree, keep.resolve() / commit, "", data, renamed=RENAMED))
        new = checked(Side(ROOT, now.resolve(), "", data, added=ADDED))
        pool = ThreadPoolExecutor(options.jobs)
        stack.callback(pool.shutdown, cancel_futures=True)
        how = {"structure": options.structure, "quick": options.quick}
        results = pool.map(partial(compared, old=old, new=new, **how), calls)
        bad = checks = 0
        for task, found in zip(calls, results, strict=True):
            if options.keep and any(found.values()):
                shutil.copytree(now / task.name, differ / task.name, dirs_exist_ok=True)
            for name, what in found.items():
                print(f"{task.name:28} {name:16} {what or 'same'}", flush=True)
            bad += sum(map(bool, found.values()))
            checks += len(found)
    print(f"\n{len(calls)} calls, {checks} comparisons with {commit[:9]}: {bad or 'none'} differ")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
