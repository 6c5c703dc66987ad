"""Files of a run that are damaged in any way: a page that says what was left out, or one sentence."""

import os

import numpy as np
import pytest

from tests import commands
from tests.tools.report import folders
from tf_emcom.errors import UserError
from tf_emcom.tools.report.report import write_report


def pages(tmp_path):
    """Runs whose reports read every kind of file."""
    silent = {"task": "classification", "without_message": 0.1, "games": 10, "candidates": 16, "accuracy": 0.5}
    tested = [{"mode": "test", "step": 40, "split": "test", "speaker": 0, "listener": 0, "noise": 0.0, **silent}]
    learnt = [{"step": 10 * i, "accuracy": 0.1 * i, "area": 0.05 * i} for i in (1, 2, 3)]
    return {
        "game": folders.whole(tmp_path / "game"),
        "transfer": folders.write(tmp_path / "transfer", folders.TRANSFER, test=tested, ease_of_learning=learnt),
        "naming": folders.write(
            tmp_path / "naming", folders.NAMING, testnaming=[{**folders.accuracies("testnaming")[0], "label": "label"}]
        ),
    }


def damaged(content, others, generator):
    """Eight ways, and bytes that change here and there."""
    half = len(content) // 2
    yield from (b"", content[:half], content[:-1], content[half:], b"\0" * len(content), content * 2)
    yield from (b"\xff\xfe" + content, b"[" * 50_000, b"[1]\n" + content, b"{}\n" * 3, others[0])
    for place in generator.integers(len(content), size=4).tolist():
        changed = bytearray(content)
        changed[place] = generator.choice(list(b'09-."{}[],:eE anx\n'))
        yield bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["game", "transfer", "naming"])
def test_a_report_about_damaged_files_is_a_page_or_one_sentence(kind, tmp_path):
    run, generator = pages(tmp_path)[kind], np.random.default_rng(0)
    contents = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    outcomes = {"page": 0, "sentence": 0}
    for path in contents:
        if path.name != "config.gin":
            # The results of other tests would be drawn as ever, which takes most of the time.
            for other in set((run / "eval").iterdir()) - {path}:
                other.unlink()
        for bad in damaged(contents[path], list(contents.values()), generator):
            path.write_bytes(bad)
            try:
                write_report([str(run)], str(tmp_path / "page.html"))
                outcomes["page"] += 1
            except UserError as error:
                assert "\n" not in str(error)
                outcomes["sentence"] += 1
        for damaged_or_gone, content in contents.items():
            damaged_or_gone.write_bytes(content)
    assert min(outcomes.values()) >= 5


def test_a_pipe_or_a_folder_in_place_of_a_file_is_one_sentence(tmp_path):
    run = folders.whole(tmp_path / "run")
    for name in ("config.gin", "metrics.jsonl", "eval/testchannel.jsonl"):
        content = (run / name).read_bytes()
        (run / name).unlink()
        os.mkfifo(run / name)
        with pytest.raises(UserError, match=f"{name} is no regular file"):
            write_report([str(run)])
        (run / name).unlink()
        (run / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe.html")
    with pytest.raises(UserError, match="pipe.html is no regular file; name another file with --out"):
        write_report([str(run)], str(tmp_path / "pipe.html"))


@pytest.mark.slow
def test_a_page_is_written_whole_through_a_link_and_nothing_is_left(tmp_path):
    run = folders.whole(tmp_path / "lr=[1e-3]")
    (tmp_path / "lr=[1e-3]" / "report.html.0123abcd.new").write_text("what a killed process left")
    os.symlink(tmp_path / "elsewhere.html", run / "report.html")
    for _ in range(2):
        write_report([str(run)])
        assert (run / "report.html").is_symlink() and b"</html>" in (tmp_path / "elsewhere.html").read_bytes()
    (run / "report.html").unlink()
    write_report([str(run)])
    assert {"config.gin", "metrics.jsonl", "report.html"} == {name for name in os.listdir(run) if name != "eval"}
    before = commands.snapshot(tmp_path)
    os.symlink("/nowhere/page.html", run / "dangling.html")
    with pytest.raises(UserError, match="dangling.html.*cannot be written|page.html cannot be written"):
        write_report([str(run)], str(run / "dangling.html"))
    assert commands.snapshot(tmp_path) == before
