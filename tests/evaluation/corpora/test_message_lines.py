import os

import numpy as np
import pytest

from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.formats import read_lines


def test_messages_are_read_and_filled_up(tmp_path):
    (tmp_path / "m.jsonl").write_text("[3, 1, 2]\n[]\n\n[5]\n[4,4]")
    found = read_lines(str(tmp_path / "m.jsonl"))
    assert found.symbols.tolist() == [3, 1, 2, 5, 4, 4]
    assert found.lengths.tolist() == [3, 0, 1, 2]
    assert found.filled(3, np.array([9, 8, 7, 6])).tolist() == [[3, 1, 2], [8, 8, 8], [5, 7, 7], [4, 4, 6]]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    (tmp_path / "m.jsonl").write_bytes(b"\xef\xbb\xbf[3, 1]\r\n[2]\r\n")
    found = read_lines(str(tmp_path / "m.jsonl"))
    assert found.symbols.tolist() == [3, 1, 2] and found.lengths.tolist() == [2, 1]


@pytest.mark.parametrize(
    "line",
    ["3 1 2", "{}", "5", "[1.5]", "[[1]]", '["a"]', "[1", "null", "[99999999999999999999]", "[" * 10_000],
    ids=lambda line: line[:30],
)
def test_a_line_that_is_no_message_is_told_with_its_number(tmp_path, line):
    (tmp_path / "m.jsonl").write_text(f"[1]\n{line}\n")
    with pytest.raises(UserError, match=r"Line 2 of .* has to be a message, as in \[3, 17, 4\]"):
        read_lines(str(tmp_path / "m.jsonl"))


def test_a_file_that_is_not_there_or_is_no_text_is_told(tmp_path):
    (tmp_path / "m.jsonl").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("m.jsonl", "none.jsonl", "pipe.jsonl", ""):
        with pytest.raises(UserError, match="(cannot be read|is no regular file)"):
            read_lines(str(tmp_path / name))
