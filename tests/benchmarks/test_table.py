"""Tables against text and numbers made by hand."""

from tf_emcom.benchmarks.table import Table, merged

STEPS = Table(
    "Steps",
    ("game", "batch"),
    {"ms": "the shortest time", "games/s": "", "share": "of the peak"},
    [
        {"game": "lg_s", "batch": 16, "ms": 8.0, "games/s": 2000.0, "share": 0.25},
        {"game": "nlg", "batch": 1024, "ms": 512.0, "games/s": 2000.0, "share": None},
    ],
    ("ms", "games/s"),
)


def test_text_has_a_title_a_line_a_row_and_what_numbers_are():
    assert STEPS.text() == "\n".join(
        [
            "Steps",
            "",
            "game  batch     ms  games/s  share",
            "----------------------------------",
            "lg_s  16         8    2,000   0.25",
            "nlg   1,024  512.0    2,000      -",
            "",
            "  ms: the shortest time",
            "  share: of the peak",
        ]
    )


def test_older_numbers_and_ratios_stand_beside_those_of_the_same_row():
    older = [
        {"game": "nlg", "batch": 1024, "ms": 1024.0, "games/s": 1000.0, "share": 0.5},
        {"game": "nlg", "batch": 16, "ms": 1.0, "games/s": 16000.0, "share": 0.5},
    ]
    table = STEPS.beside(older)
    timed = ["ms", "ms, before", "ms, ratio"]
    assert list(table.numbers) == [*timed, "games/s", "games/s, before", "games/s, ratio", "share"]
    first, second = table.rows
    assert (first["ms, before"], first["ms, ratio"]) == (None, None)
    assert (second["ms, before"], second["ms, ratio"]) == (1024.0, 0.5)
    assert (second["games/s, before"], second["games/s, ratio"]) == (1000.0, 2.0)
    assert "share, ratio" not in second


def test_a_ratio_to_nothing_is_left_out():
    row = STEPS.beside([{"game": "lg_s", "batch": 16, "ms": 0.0, "games/s": None}]).rows[0]
    assert (row["ms, ratio"], row["games/s, ratio"]) == (None, None)


def test_tables_of_one_title_are_merged_in_order():
    other = STEPS._replace(title="Other")
    assert merged([STEPS, other, STEPS._replace(rows=STEPS.rows[:1])]) == [
        STEPS._replace(rows=[*STEPS.rows, STEPS.rows[0]]),
        other,
    ]
