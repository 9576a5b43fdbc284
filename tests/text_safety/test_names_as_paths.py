"""A name that somebody wrote never leads out of the folder that it is for."""

from pathlib import Path

import pytest

from scripts.endurance import bad_input
from scripts.staging import stage_call, truth
from voicecoach.errors import AudioFileError, ConfigError
from voicecoach.shell.apps.replay import unique_folder_names
from voicecoach.shell.journal.store import AUDIO_FOLDER, JournalStore
from voicecoach.shell.runtime.audio_files import MOST_CHANNELS
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.user_files import expand_path
from voicecoach.types.events import Ended
from voicecoach.views import event_log

OUT = ("../out", "../../out", "/out", "a/../../out", "..", "~/out", "a\0b", "..\\out")


@pytest.mark.parametrize("name", OUT)
def test_a_calls_results_are_a_folder_in_the_folder(name: str) -> None:
    (found,) = unique_folder_names([Path(name)])
    assert found == Path(found).name
    assert found not in ("", ".", "..")


@pytest.mark.parametrize("name", OUT)
def test_the_name_of_a_call_in_its_log_is_only_its_name(name: str, tmp_path: Path) -> None:
    log = event_log.encode_header(call=name) + event_log.encode_event(Ended(at=16_000, end=16_000))
    with bad_input.ways().within(tmp_path):
        bad_input.log(log, tmp_path)


@pytest.mark.parametrize("id", ["../out", "../../out", "/out", "a/b", "", "..", "c\0"])
def test_an_id_that_was_written_into_a_journal_is_no_path(id: str, tmp_path: Path) -> None:
    with JournalStore(tmp_path / "a" / "journal.sqlite3", create=True) as journal:
        (journal.path.parent / AUDIO_FOLDER).mkdir()
        for place in (tmp_path, journal.path.parent):
            (place / "out.flac").touch()
        assert journal.audio_file(id) is None


@pytest.mark.parametrize("name", ["../out.wav", "/out.wav", "a/../../out.wav", "a\0b"])
def test_the_recordings_of_a_truth_and_of_a_list_are_where_it_is(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="outside"):
        truth.inside(tmp_path, name)
    assert truth.inside(tmp_path, "a/b.wav") == tmp_path / "a" / "b.wav"
    clips = tmp_path / "a" / "clips"
    clips.mkdir(parents=True)
    (clips / "clips.csv").write_text(f"path,speaker,emotion\n../../{name},a,angry\n", "utf-8")
    if "\0" not in name:
        with pytest.raises(SystemExit, match="outside"):
            stage_call.takes(clips)


@pytest.mark.parametrize("name", ["~nobody-of-that-name/x", "a\0b"])
def test_a_setting_that_names_no_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot expand '~': no such user|not a valid file name"):
        expand_path(name)
    assert expand_path("~") == Path.home()


def test_a_recording_of_too_many_channels_is_refused() -> None:
    path = bad_input.CORPUS / "audio" / "many-channels.wav"
    with pytest.raises(AudioFileError, match=f"at most {MOST_CHANNELS} can be read"):
        RecordedCall.from_stereo(path)
