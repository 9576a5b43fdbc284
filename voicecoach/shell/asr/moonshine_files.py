"""Provides the second recogniser's files in the form that it runs: converted once, into the cache.

The published files are converted by `moonshine_conversion`, in a process of its own, because that
takes 1.4 GB for some 20 s.  The result is a folder of the user's cache folder:

* its name has the hashes of the published files, and the version of the conversion;
* it is written under another name, and renamed when it is complete;
* it holds a list of its own checksums, which are compared before each use.  That takes a tenth of a
  second, and finds what a full disk, a power cut or a failing disk left.

A folder that is not whole is made again.  Nothing but time is lost if the cache is emptied.

    python -m voicecoach.shell.asr.moonshine_files SOURCE TARGET    (started by `moonshine_folder`)
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from voicecoach.errors import ModelError, ModelUnavailable
from voicecoach.shell.asr.model_places import MOONSHINE_BASE, find_model, model_checksums
from voicecoach.shell.asr.moonshine_conversion import DECODER, ENCODER, convert_model
from voicecoach.shell.runtime.atomic_write import UNFINISHED
from voicecoach.shell.runtime.core_dumps import forbid_core_dumps
from voicecoach.shell.runtime.resources import read_checksums, sha256, verify

TOKENIZER = "tokenizer.bin"
CONVERTED = (ENCODER, DECODER, TOKENIZER)
"""The files of the converted folder."""
CHECKSUMS = "SHA256SUMS"
"""Its list of checksums, in the format of sha256sum."""
CONVERSION = 1
"""Version of the conversion: one more whenever `moonshine_conversion` writes something else."""
SHARES = (0.0, 0.02, 0.17, 0.19, 0.38, 0.46)
"""For each step of the conversion, the share of its time that is over when the step begins."""
ROOM_BYTES = 600_000_000
"""Space that the conversion needs for a moment; the result has 88 MB."""
WAIT_S = 300.0
"""Longest wait for another process that converts, seconds."""
INSTALL_ONNX = "pip install 'voicecoach[model]'"

Progress = Callable[[str, float | None], None]
"""Called with what is being done, and the share that is done, 0 to 1, or None if not known."""


def ignore_progress(step: str, share: float | None) -> None:
    """Show no progress."""


def moonshine_folder(progress: Progress = ignore_progress) -> Path:
    """Return a folder with `CONVERTED`, converting the published files if that was not done.

    Parameters
    ----------
    progress
        Called only if the files have to be converted.

    Raises
    ------
    ModelUnavailable
        If the files are not on this machine, or cannot be converted; the message says what to do.
    """
    target = converted_folder()
    if is_converted():
        return target
    try:
        source = Path(find_model(MOONSHINE_BASE).folder)
    except ModelUnavailable:
        raise
    except ModelError as e:
        raise ModelUnavailable(f"{e}; {MOONSHINE_BASE.remedy}") from e
    if not can_convert():
        raise ModelUnavailable(f"{MOONSHINE_BASE.name} must be converted once: {INSTALL_ONNX}")
    try:
        with locked_folder(target.parent, progress):
            if not is_converted():
                _convert_into(target, source, progress)
    except OSError as e:
        raise ModelUnavailable(
            f"{target.parent}: cannot keep the converted model there: {e.strerror or e}; "
            f"free {ROOM_BYTES // 1_000_000} MB, or make the folder writable"
        ) from e
    return target


def converted_folder() -> Path:
    """Return where the converted files are, or will be."""
    released = f"{CONVERSION} {' '.join(model_checksums(MOONSHINE_BASE).values())}"
    name = f"{MOONSHINE_BASE.folder}-{hashlib.sha256(released.encode()).hexdigest()[:8]}"
    return platformdirs.user_cache_path("voicecoach", appauthor=False) / "models" / name


def is_converted() -> bool:
    """Return whether the converted files are there and whole."""
    folder = converted_folder()
    try:
        expected = read_checksums(folder / CHECKSUMS)
        verify(folder, {name: expected[name] for name in CONVERTED})
    except (OSError, ValueError, KeyError, ModelError):
        return False
    return True


def can_convert() -> bool:
    """Return whether the package that the conversion needs is installed."""
    return importlib.util.find_spec("onnx") is not None


def remove_other_conversions() -> None:
    """Delete the converted files of other versions of voicecoach."""
    current = converted_folder()
    for folder in current.parent.glob(f"{MOONSHINE_BASE.folder}-*"):
        if folder != current:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked_folder(folder: Path, progress: Progress = ignore_progress) -> Iterator[None]:
    """Let one process at a time write to a folder; what one that was killed left is deleted.

    Raises
    ------
    ModelUnavailable
        If another process writes for longer than `WAIT_S`.
    OSError
        If the folder cannot be written.
    """
    import filelock

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            progress("waiting for another voicecoach", None)
            lock.acquire(timeout=WAIT_S)
    except filelock.Timeout as e:
        raise ModelUnavailable(
            f"{folder}: another voicecoach has been writing there for {WAIT_S:.0f} s: end it"
        ) from e
    except NotImplementedError as e:  # filelock's, where flock fails with ENOSYS
        raise OSError(f"the file system has no locks ({e})") from e
    try:
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def _convert_into(target: Path, source: Path, progress: Progress) -> None:
    """Convert the published files, so that `target` is complete or not there."""
    if shutil.disk_usage(target.parent).free < ROOM_BYTES:
        raise OSError("the disk is full")
    scratch = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=target.parent))
    try:
        _run_conversion(source, scratch, progress)
        shutil.copyfile(source / TOKENIZER, scratch / TOKENIZER)
        lines = [f"{sha256(scratch / name)}  {name}\n" for name in CONVERTED]
        (scratch / CHECKSUMS).write_text("".join(lines), "ascii")
        if target.exists():  # it is not whole
            shutil.rmtree(target)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run_conversion(source: Path, target: Path, progress: Progress) -> None:
    """Convert in a process of its own, which is ended if this one is.

    Raises
    ------
    ModelUnavailable
        If it fails.
    """
    command = [sys.executable, "-m", __name__, str(source), str(target)]
    error = ""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # its end ends the process
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries' warnings
        encoding="utf-8",
    ) as child:
        assert child.stdout
        try:
            for done, line in enumerate(child.stdout):
                told = json.loads(line)
                error = told.get("error", "")
                if not error:
                    progress(told["step"], SHARES[done] if done < len(SHARES) else None)
            child.wait()  # before its input is closed
        except BaseException:
            child.kill()
            raise
    if child.returncode and not error:
        error = f"the process that converts was ended ({child.returncode}); it needs 1.4 GB"
    if error:
        raise ModelUnavailable(f"cannot convert {MOONSHINE_BASE.name}: {error}")


def main() -> None:
    """Convert, printing a line of JSON for each step, or for what went wrong."""
    forbid_core_dumps()
    threading.Thread(target=_end_with_input, daemon=True).start()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # keep what libraries print out of it

    def tell(**told: str) -> None:
        out.write(f"{json.dumps(told)}\n")
        out.flush()

    try:
        convert_model(Path(sys.argv[1]), Path(sys.argv[2]), lambda step: tell(step=step))
    except Exception as e:  # onnx's and onnxruntime's errors share no base class
        tell(error=(str(e).strip().splitlines() or [type(e).__name__])[0])
        sys.exit(1)


def _end_with_input() -> None:
    """End the process when the one that started it is gone."""
    os.read(0, 1)  # not sys.stdin, whose lock a thread must not hold when Python ends
    os._exit(1)


if __name__ == "__main__":
    main()
