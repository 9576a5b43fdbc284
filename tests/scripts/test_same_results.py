"""What counts as a difference between two commits' results."""

import json
from pathlib import Path

from scripts.bench.same_results import Added, Left, Renamed, Side, difference, differences

EVENT: dict[str, object] = {
    "type": "cue_opened",
    "id": "slow-down",
    "title": "Slow down",
    "message": "6 syllables a second for 8 s.",
    "evidence": {"rate": 6.1, "hard_said": "you must"},
}


def _side(
    version: str = "0.1.0", renamed: tuple[Renamed, ...] = (), added: tuple[Added, ...] = ()
) -> Side:
    return Side(Path(), Path(), version, Path(), renamed, added)


def _left(
    folder: Path, texts: dict[str, str], *, structure: bool = False, old: str = "", new: str = ""
) -> Left:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    renamed = (Renamed(old, new, "the glossary"),) if old else ()
    return Left(folder, _side(renamed=renamed), structure=structure)


def _both(
    tmp_path: Path, name: str, old: str, new: str, *, structure: bool = False
) -> dict[str, str]:
    was = _left(tmp_path / "old", {name: old}, structure=structure)
    return differences(was, _left(tmp_path / "new", {name: new}, structure=structure))


def test_one_byte_is_a_difference_and_is_shown(tmp_path: Path) -> None:
    old = json.dumps(EVENT)
    found = _both(tmp_path, "out/a/events.jsonl", f"{old}\n{old}", f"{old}\n{old} ")
    assert found["events.jsonl"].startswith("out/a/events.jsonl: line 2 was ")
    assert _both(tmp_path, "out/a/events.jsonl", old, old) == {"events.jsonl": ""}


def test_the_first_and_the_last_line_that_differ_are_named() -> None:
    assert difference(list("abcde"), list("aXcYe")) == "line 2 was 'b', is 'X'; on to line 4"
    assert difference(list("abc"), list("abXc")) == "line 3 was 'c', is 'X'"
    assert difference(list("abc"), list("ab")) == "line 3 was 'c', is '(nothing)'"
    assert difference(list("aa"), list("aaa")) == "line 3 was '(nothing)', is 'a'"
    assert difference(list("abc"), list("abc")) == ""


def test_of_a_log_the_types_of_the_lines_that_differ_are_counted(tmp_path: Path) -> None:
    word, turn, end = '{"type":"word"}', '{"type":"turn"}', '{"type":"ended"}'
    found = _both(tmp_path, "out/a/events.jsonl", f"{word}\n{end}", f"{turn}\n{turn}\n{end}")
    assert found["events.jsonl"].endswith("; lines gone: 1 word; lines new: 2 turn")
    found = _both(tmp_path, "out/a/events.jsonl", word, f"{turn}\n{word}", structure=True)
    assert found["events.jsonl"].endswith("; lines gone: none; lines new: 1 turn")


def test_the_version_and_what_is_renamed_are_no_difference(tmp_path: Path) -> None:
    old, new = '{"version": "0.1.0", "usual": 4}', '{"version": "0.2.0", "baseline": 4}'
    was = _left(tmp_path / "a", {"out/c/baseline.json": old}, old="usual", new="baseline")
    now = Left(tmp_path / "b", _side("0.2.0"), structure=False)
    assert differences(was, now)["baseline.json"].endswith("is gone")
    _left(tmp_path / "b", {"out/c/baseline.json": new})
    now = Left(tmp_path / "b", _side("0.2.0"), structure=False)
    assert differences(was, now) == {"baseline.json": ""}


def test_what_is_added_to_logs_is_no_difference(tmp_path: Path) -> None:
    word, reply = '{"type":"word"}\n', '{"type":"reply","at_s":1}\n'
    name = "out/a/events.jsonl"
    was = _left(tmp_path / "a", {name: word * 2})
    _left(tmp_path / "b", {name: word + reply + word})
    rows = (Added(r'^\{"type":"reply",.*\n', "replies are events"),)
    now = Left(tmp_path / "b", _side(added=rows), structure=False)
    assert differences(was, now) == {"events.jsonl": ""}
    assert differences(was, _left(tmp_path / "b", {}))["events.jsonl"]


def test_a_file_more_or_less_is_a_difference(tmp_path: Path) -> None:
    was = _left(tmp_path / "a", {"export/c.vtt": "", "export/c.srt": ""})
    now = _left(tmp_path / "b", {"export/c.vtt": "", "replay.txt": "exit code 0"})
    found = differences(was, now)
    assert found == {"export": "export/c.srt: is gone", "replay prints": "replay.txt: is new"}


def test_a_sentence_may_be_worded_anew_but_nothing_else(tmp_path: Path) -> None:
    reworded = EVENT | {"title": "Speak slower", "message": "You speak fast."}
    measured = EVENT | {"evidence": {"rate": 6.2, "hard_said": "you must"}}
    quoted = EVENT | {"evidence": {"rate": 6.1, "hard_said": "you can't"}}
    name, old = "out/a/events.jsonl", json.dumps(EVENT)
    assert _both(tmp_path, name, old, json.dumps(reworded))[name.split("/")[2]]
    assert not any(_both(tmp_path, name, old, json.dumps(reworded), structure=True).values())
    for other in (measured, quoted, EVENT | {"id": "soften"}, EVENT | {"title": ""}):
        assert any(_both(tmp_path, name, old, json.dumps(other), structure=True).values())


def test_of_markdown_the_numbers_times_and_ids_count(tmp_path: Path) -> None:
    def texts(cue: dict[str, object], line: str) -> dict[str, str]:
        return {"out/a/summary.json": json.dumps(cue), "out/a/summary.md": line}

    reworded = EVENT | {"message": "You speak fast."}
    was = _left(
        tmp_path / "a",
        texts(EVENT, "- **0:30 slow-down** held 4 s. 6 syllables a second for 8 s."),
        structure=True,
    )
    for i, (line, same) in enumerate(
        (
            ("- **0:30 slow-down** on screen 4 s. You speak fast.", True),
            ("- **0:31 slow-down** on screen 4 s. You speak fast.", False),
            ("- **0:30 take-turns** on screen 4 s. You speak fast.", False),
            ("- **0:30 slow-down** on screen 5 s. You speak fast.", False),
        )
    ):
        now = _left(tmp_path / str(i), texts(reworded, line), structure=True)
        assert (differences(was, now)["summary.md"] == "") is same


def test_of_exports_all_but_the_messages_of_cues_count(tmp_path: Path) -> None:
    line = 'xmin = 4.2 text = "slow-down: {message}" text = "Slow down, please."'

    def exported(name: str, message: str, text: str) -> Left:
        cue = json.dumps(EVENT | {"message": message})
        grid = {"out/a/summary.json": cue, "export/a.TextGrid": text.replace("{message}", message)}
        return _left(tmp_path / name, grid, structure=True)

    was = exported("a", "6 syllables a second.", line)
    assert not differences(was, exported("b", "You speak fast.", line))["export"]
    doubled = line.replace("{message}", 'You said ""must"".')
    assert not differences(was, exported("c", 'You said "must".', doubled))["export"]
    for i, other in enumerate((line.replace("4.2", "4.3"), line.replace("please", "sir"))):
        assert differences(was, exported(str(i), "You speak fast.", other))["export"]


def test_of_a_page_its_data_ids_and_sound_count(tmp_path: Path) -> None:
    page = (
        "<style>a { width: 4px }</style><h2 id='cues'>Cues</h2><p>{text}</p>"
        '<script type="application/json">{data}</script><script>const a = 1;</script>'
        "<audio src='data:audio/mpeg;base64,{sound}'></audio>"
    )

    def made(
        text: str = "Skips 5 s", data: float = 0.5, sound: str = "AAAA", label: str = "speech"
    ) -> str:
        facts = [{"name": "Length", "value": "1:30"}]
        value = json.dumps({"at_s": data, "facts": facts, "numbers": [[label, "4 s"]]})
        return page.replace("{text}", text).replace("{data}", value).replace("{sound}", sound)

    name = "out/a/report.html"
    other = (
        made("Goes on by 5 s", label="speech in 10 s")
        .replace("const a = 1", "const a = 2")
        .replace("4px", "5px")
    )
    assert _both(tmp_path, name, made(), other, structure=True) == {"report.html": ""}
    for changed in (
        made(data=0.6),
        made("Skips 4 s"),
        made(sound="AAAB"),
        made().replace("id='cues'", "id='shown'"),
        made().replace("1:30", "1:31"),
        made().replace("4 s", "5 s"),
    ):
        assert _both(tmp_path, name, made(), changed, structure=True)["report.html"]
