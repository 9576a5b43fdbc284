"""The audit of the dependencies finds what it is for."""

from __future__ import annotations

import json

import pytest

from scripts.endurance.audit import LOCKS, Pin, answer, pins, strangers, unlocked
from scripts.support.environment import ROOT

HASH = f"--hash=sha256:{'0' * 64}"


def test_the_locks_hold_names_versions_and_hashes() -> None:
    whole, part = (pins((ROOT / lock).read_text("utf-8")) for lock in LOCKS)
    assert whole[1] == part[1] == []
    assert len(whole[0]) > len(part[0]) > 30
    assert strangers(whole[0], part[0]) == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (f"numpy>=2.0 \\\n    {HASH}", "not a name with its version alone"),
        (f"numpy \\\n    {HASH}", "not a name with its version alone"),
        ("numpy==2.0", "it has no hash"),
        ("numpy==2.0 \\\n    --hash=md5:00", "not a SHA-256"),
        (f"numpy @ https://example.org/numpy.whl \\\n    {HASH}", "not a name"),
        ("--extra-index-url https://example.org/simple", "not a name"),
        ("-e .", "not a name"),
    ],
)
def test_a_line_that_pins_nothing_is_found(line: str, wrong: str) -> None:
    found = pins(f"scipy==1.0 ; python_full_version < '3.12' \\\n    {HASH}\n{line}\n")
    assert len(found[1]) == 1
    assert wrong in found[1][0]


def test_what_is_in_one_lock_alone_or_installed_and_in_none_is_found() -> None:
    numpy, other = Pin("numpy", "2.0", "", ("a",)), Pin("numpy", "2.0", "", ("b",))
    assert strangers([numpy], [numpy]) == []
    assert strangers([numpy], [other]) != []
    assert strangers([numpy], [numpy._replace(version="2.1")]) != []
    assert unlocked([("NumPy", "2.0"), ("pip", "24")], [numpy]) == []
    assert unlocked([("numpy", "2.1"), ("left_pad", "1.0")], [numpy]) == [
        "numpy 2.1: installed, and not locked",
        "left_pad 1.0: installed, and not locked",
    ]


def test_what_could_not_be_looked_up_is_not_safe() -> None:
    unknown = {"name": "a", "skip_reason": "Dependency not found and could not be audited: a (1)"}
    safe = {"name": "b", "version": "1", "vulns": []}
    vuln = {"id": "PYSEC-1", "fix_versions": ["2"], "aliases": [], "description": ""}
    unsafe = {"name": "c", "version": "1", "vulns": [vuln]}

    def told(*packages: object) -> str:
        return json.dumps({"dependencies": packages, "fixes": []})

    assert answer(told(unknown))[:2] == (0, 1)
    assert answer(told(unknown, safe, unsafe)) == (2, 1, ["c 1: PYSEC-1, mended in 2"])
