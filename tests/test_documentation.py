"""The README is short and quotes figures as they were printed; what pages name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "THIRD_PARTY.md",
    ROOT / "models" / "README.md",
]
PAGES += sorted((ROOT / "docs").glob("*.md"))
INVENTED = {"tests/coaching/cues/take-a-breath.toml", "voicecoach/language/xx"}
"""Files that the reader is to write."""


def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_the_readme_is_short() -> None:
    assert len(readme().split()) <= 1200


def test_the_readme_quotes_figures_as_they_were_printed() -> None:
    pages = [ROOT / "docs" / name for name in ("figures.md", "reliability.md")]
    printed = " ".join(page.read_text("utf-8") for page in pages).replace("**", "")
    section = readme().partition("## How good it is")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*) \| (.*) \|$", section, re.MULTILINE)[1:]
    assert len(rows) == 8
    for row in rows:
        for figure in re.findall(r"[\d.]+(?: (?:±|/) [\d.]+)*(?:-[\d.]+)?", " ".join(row)):
            assert figure in printed, row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(
        r"(?<![\w/.-])(?:docs|models|samples|scripts|tests|voicecoach)/[\w./-]+", text
    )
    named += [name.replace(".", "/") for name in re.findall(r"\bscripts(?:\.[a-z_]+)+", text)]
    for name in {name.rstrip("./") for name in named} - INVENTED:
        at = ROOT / name
        assert at.exists() or at.with_suffix(".py").exists(), name


def test_the_plugins_on_the_page_are_those_that_tests_install() -> None:
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    package = ROOT / "tests" / "foreign" / "desk"
    module = (package / "voicecoach_desk.py").read_text("utf-8")
    shown = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(shown) == 7
    assert [block for block in shown if block not in module] == []
    (points,) = re.findall(r"^```toml\n(\[project.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert points in (package / "pyproject.toml").read_text("utf-8")
