"""Bad input is said in a line, whatever it is: what once failed, and a few hundred more of each.

`scripts.endurance.bad_input` says what is read and what is allowed.
"""

from pathlib import Path
from random import Random

import pytest

from scripts.endurance import bad_input
from scripts.endurance.bad_input import TARGETS, Failure, Ways, mendable, seeds, ways
from scripts.support import corpora
from voicecoach.errors import ConfigError, one_line

READY = ("audio", "raw", "log", "record", "toml", "json", "socket")
KNOWN = [(target, name) for target in READY for name in seeds(target)]
CASES = {"socket": 60}
"""Of those that take longer; of the others `MOST`."""
MOST = 200


@pytest.fixture(autouse=True)
def _alone(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from a call that somebody has here."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))


@pytest.mark.parametrize(("target", "name"), KNOWN)
def test_what_is_known(target: str, name: str, tmp_path: Path) -> None:
    with TARGETS[target].open() as read, ways().within(tmp_path):
        read(seeds(target)[name], tmp_path)


@pytest.mark.parametrize("target", READY)
def test_what_is_changed_at_random(target: str, tmp_path: Path) -> None:
    known = list(seeds(target).values())
    with TARGETS[target].open() as read:
        for number in range(CASES.get(target, MOST)):
            rng = Random(f"{target} {number}")
            data = TARGETS[target].mutate(rng, rng.choice(known), known)
            folder = tmp_path / str(number)
            folder.mkdir()
            try:
                with ways().within(folder):
                    read(data, folder)
            except Exception as e:
                kept = tmp_path / "failed"
                kept.write_bytes(data)
                raise AssertionError(f"{target}: case {number}, {kept}: {e!r}") from e


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    error = ConfigError("\x1b[31m\r\n\u202e" + "x" * 100_000)
    assert str(error).isprintable()
    assert len(str(error)) <= 1000
    assert one_line("as it is") == "as it is"


@pytest.mark.parametrize("text", ["", "a\nb", "\x1b[31m", "x" * 1001])
def test_what_is_not_allowed_is_found(text: str) -> None:
    class Crude(ConfigError):
        def __str__(self) -> str:
            return text

    with pytest.raises(Failure, match="it says"), mendable():
        raise Crude
    with pytest.raises(ZeroDivisionError), mendable():
        raise ZeroDivisionError


def test_a_way_out_of_the_folder_is_found(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").touch()
    with pytest.raises(Failure, match="outside"), bad_input.ways().within(inside):
        (inside / ".." / "outside").read_bytes()


def test_what_any_target_may_read_may_lie_behind_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("inside", "data/noise"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    monkeypatch.setattr(corpora, "DATA", tmp_path / "link")
    with Ways().within(tmp_path / "inside"):
        assert not list((tmp_path / "link" / "noise").iterdir())
