import os

import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import RunFolder


def test_a_figures_folder_is_there_when_its_path_is(tmp_path):
    path = RunFolder(str(tmp_path / "run")).figure("testinput")
    assert path == str(tmp_path / "run" / "figures" / "testinput.png")
    assert (tmp_path / "run" / "figures").is_dir()


def test_a_figures_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "figures").write_text("")
    with pytest.raises(UserError, match="figures cannot be made"):
        RunFolder(str(tmp_path)).figure("testinput")


def test_what_a_kill_left_of_a_file_is_no_reason_to_refuse_a_folder(tmp_path):
    (tmp_path / "config.gin.123.new").write_text("batch_size = ")
    assert RunFolder(str(tmp_path)).read_config() is None
    (tmp_path / "notes").write_text("")
    with pytest.raises(UserError, match="no run's folder"):
        RunFolder(str(tmp_path)).read_config()


def test_metrics_of_a_step_are_its_own_line_or_none_with_a_note(tmp_path, capsys):
    folder = RunFolder(str(tmp_path))
    for step in (2, 4):
        folder.append_metrics({"step": step, "loss": 0.1 * step})
    assert folder.metrics_of(4) == {"step": 4, "loss": 0.4} and not capsys.readouterr().err
    assert folder.metrics_of(3) == {}
    assert "metrics.jsonl has no line of step 3" in capsys.readouterr().err


def test_a_changed_digit_in_a_line_is_an_error(tmp_path):
    folder = RunFolder(str(tmp_path))
    folder.append_metrics({"step": 2, "loss": 0.125})
    text = (tmp_path / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(text.replace("0.125", "0.124"))
    with pytest.raises(UserError, match="has a line that is no logged step .its checksum is"):
        folder.read_metrics()


def test_an_empty_configuration_is_refused(tmp_path):
    (tmp_path / "config.gin").write_text("\n")
    with pytest.raises(UserError, match="config.gin is empty; copy the file again"):
        RunFolder(str(tmp_path)).read_config()


def test_metrics_that_cannot_be_written_are_an_error(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(UserError, match="metrics.jsonl cannot be written .*; fix that, then run the same command"):
        RunFolder(str(tmp_path)).append_metrics({"step": 1})


def test_nothing_is_logged_through_a_link_to_nowhere(tmp_path):
    (tmp_path / "metrics.jsonl").symlink_to("nowhere")
    with pytest.raises(UserError, match="metrics.jsonl cannot be written .it is no regular file"):
        RunFolder(str(tmp_path)).append_metrics({"step": 1})
    assert not (tmp_path / "nowhere").exists()


DAMAGED = {
    "config.gin": (lambda run: run.read_config(), "is damaged .it is no text in UTF-8"),
    "speaker.gin": (lambda run: run.read_document("speaker.gin"), "is damaged .it is no text in UTF-8"),
    "metrics.jsonl": (lambda run: run.read_metrics(), "has a line that is no logged step"),
    "eval/testchannel.jsonl": (lambda run: run.read_evaluations(), "is damaged .it is no text in UTF-8"),
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("is_pipe", [False, True])
def test_a_damaged_small_file_is_one_sentence_with_its_name(tmp_path, name, is_pipe):
    read, said = DAMAGED[name]
    (tmp_path / "eval").mkdir()
    if is_pipe:
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"\xff\xfe{\x00\n")
    with pytest.raises(UserError, match=f"{name}.* {'is no regular file' if is_pipe else said}") as raised:
        read(RunFolder(str(tmp_path)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"[" * 100_000 + b"\n", b"3\n", b'{"loss": 1}\n', b"null\n"])
def test_a_line_that_is_no_logged_step_is_an_error(tmp_path, content):
    (tmp_path / "metrics.jsonl").write_bytes(content)
    with pytest.raises(UserError, match="metrics.jsonl has a line that is no logged step .*; fix or remove it"):
        RunFolder(str(tmp_path)).read_metrics()


def test_evaluations_are_listed_whatever_the_path_holds(tmp_path):
    for name in ("sd1", "sd[1]"):
        RunFolder(str(tmp_path / name)).write_evaluation("test", [{"path": name}])
    assert RunFolder(str(tmp_path / "sd[1]")).read_evaluations() == {"test": [{"path": "sd[1]"}]}


def test_a_workdir_that_is_no_folder_is_an_error(tmp_path):
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / ".lock")
    for name in ("dangling", "pipe", "run"):
        with pytest.raises(UserError, match="cannot be (made|written)"):
            RunFolder(str(tmp_path / name)).lock()


def test_a_workdir_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(UserError, match="metrics.jsonl cannot be written .*run the same command again"):
        RunFolder(str(tmp_path / "gone")).append_metrics({"step": 1})


def test_a_closed_folder_is_free_for_the_next_process(tmp_path):
    first, second = RunFolder(str(tmp_path)), RunFolder(str(tmp_path))
    first.lock()
    with pytest.raises(UserError, match="Another process is training"):
        second.lock()
    first.close()
    second.lock()
