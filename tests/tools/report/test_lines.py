import pytest

from tf_emcom.errors import UserError
from tf_emcom.files import whole_json_lines
from tf_emcom.tools.report.run import read_lines


def lines_of(tmp_path, text, needed=("step",)):
    (tmp_path / "lines.jsonl").write_text(text)
    return read_lines(str(tmp_path / "lines.jsonl"), needed)


def test_a_file_that_is_missing_has_no_lines(tmp_path):
    assert read_lines(str(tmp_path / "none.jsonl"), []) == ([], 0)


@pytest.mark.parametrize(
    "bad",
    ['{"step": 2, "acc', "[1]", "null", '{"step": "2"}', '{"other": 2}', '{"step": NaN}', '{"step": null}']
    + ['{"step": 1e999}', f'{{"step": 1{"0" * 400}}}', f'{{"step": 1{"0" * 5000}}}', "[" * 100_000],
    ids=lambda line: line[:30],
)
def test_lines_that_cannot_be_used_are_counted(tmp_path, bad):
    assert lines_of(tmp_path, f'{{"step": 1}}\n{bad}\n{{"step": 3}}\n') == ([{"step": 1}, {"step": 3}], 1)


def test_lines_that_were_cut_off_are_counted(tmp_path):
    whole = whole_json_lines([{"step": 1}, {"step": 2}, {"other": 3}])
    assert lines_of(tmp_path, whole) == ([{"step": 1}, {"step": 2}], 1)
    assert lines_of(tmp_path, whole.partition("\n")[0]) == ([{"step": 1}], 2)
    assert lines_of(tmp_path, whole[:-9]) == ([{"step": 1}, {"step": 2}], 1)


def test_the_last_line_needs_no_line_break_if_it_is_whole(tmp_path):
    assert lines_of(tmp_path, '{"step": 1}\n\n{"step": 2}') == ([{"step": 1}, {"step": 2}], 0)


def test_what_is_no_text_is_reported(tmp_path):
    (tmp_path / "lines.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="lines.jsonl is damaged .it is no text in UTF-8"):
        read_lines(str(tmp_path / "lines.jsonl"), [])
