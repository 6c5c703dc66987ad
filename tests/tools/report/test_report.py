"""What stands on a page."""

import re
import subprocess

import pytest

from tests import commands
from tests.tools.report import folders
from tf_emcom.errors import UserError
from tf_emcom.files import json_lines
from tf_emcom.tools.report.report import write_report


def read(*paths, out=None):
    """The text of the page about some runs."""
    with open(write_report([str(path) for path in paths], out and str(out))) as file:
        return file.read()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return folders.whole(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return folders.whole(tmp_path_factory.mktemp("others") / "second", seed=7, noise=0.0, rate=0.002)


@pytest.fixture(scope="module")
def one(run):
    return read(run)


@pytest.fixture(scope="module")
def two(run, other, tmp_path_factory):
    return read(run, other, out=tmp_path_factory.mktemp("out") / "page.html")


HEADINGS = [
    "At a glance",
    "Configuration",
    "Learning curves",
    "Accuracy by candidates and channel noise",
    "Accuracy by number of erased symbols",
    "Accuracy by input noise",
    "Transfer to a new listener",
    "Language measures",
    "Use of symbols",
    "Example games",
]


def measured(seed):
    """Every number that the files of a whole run hold, but for those that only pictures show."""
    rows = folders.accuracies("testchannel", seed) + folders.erased(seed) + folders.noisy_inputs(seed)
    found = {row["accuracy"] for row in rows}
    found |= {row[key] for row in folders.metrics(seed) for key in ("accuracy", "loss", "noise")}
    found |= {row["share"] for row in folders.language(seed) if "share" in row}
    found |= {0.1234, 0.2345, 0.3456, 3.14159265, 1234.0, 0.271828}
    return found | {share for game in folders.games() for share in game["probabilities"]}


def test_numbers_are_those_of_the_files(one):
    assert measured(1) <= folders.Page(one).numbers


def test_numbers_of_two_runs_are_those_of_their_files(two):
    assert measured(1) | measured(7) <= folders.Page(two).numbers


def test_numbers_that_no_file_has_are_not_shown(one):
    # The steps that were trained are all there is besides.
    assert folders.Page(one).numbers - measured(1) == {40.0}


def test_a_cell_says_its_number_rounded(one):
    row = folders.accuracies("testchannel", 1)[0]
    low, high = row["interval"]
    cell = f'<data value="{row["accuracy"]}">{row["accuracy"]:.3f}</data> <small>{low:.3f}–{high:.3f}</small>'
    assert cell in one


def test_sections_stand_in_their_order(one):
    assert re.findall(r"<h2 id=[^>]*>([^<]*)", one) == HEADINGS
    anchors = re.findall(r'<a href="#([^"]*)"', one)
    assert [f'id="{anchor}"' in one for anchor in anchors] == [True] * len(HEADINGS)


def test_the_same_folders_give_the_same_page(run, one, tmp_path):
    assert read(run, out=tmp_path / "again.html") == one


def test_nothing_is_loaded_from_anywhere(two):
    page = folders.Page(two)
    links = page.attributes("src", "href", "srcset", "action", "poster", "data", "xlink:href", "background")
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("data:", "#"))] == []
    assert "http:" not in two and "https:" not in two and "@import" not in two
    assert [target for target in re.findall(r"url\(([^)]*)", two) if not target.startswith("#")] == []
    assert {tag for tag, _ in page.elements} & {"iframe", "object", "embed", "base", "form"} == set()


def test_identifiers_are_used_once_and_found(two):
    identifiers = folders.Page(two).attributes("id")
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', two)) <= set(identifiers)


def test_runs_that_differ_are_distinguished(two):
    page = folders.Page(two)
    assert "All other bindings that differ." in page.words
    assert re.search(r"speaker/Adam.learning_rate 0.01 0.002", page.words)
    assert "Log.every 10 10" not in page.words
    marked = re.findall(r'<tr class="differs"><th scope="row">(\w+)', two)
    assert marked == ["noise"]


def test_a_run_has_one_colour_everywhere(two):
    figures = [part.split("</figure>")[0] for part in two.split("<figure>")[1:]]
    compared = [figure.split("</ul>") for figure in figures if "</ul>" in figure and "<text" in figure]
    assert len(compared) == 7
    for legend, plots in compared:
        for name, colour in (("first", "#0072b2"), ("second", "#d55e00")):
            (entry,) = (line for line in legend.split("<li>") if f"</svg>{name}</li>" in line)
            assert f'stroke="{colour}"' in entry and f"stroke: {colour}" in plots


HOSTILE = "<script>alert(1)</script>&\"'$x_{$"


def test_hostile_text_is_escaped(tmp_path):
    # A slash would end a folder's name.
    name = HOSTILE.replace("/", "")
    rows = [{**row, HOSTILE + "_loss": 1.0} for row in folders.metrics()]
    language = [{"measure": HOSTILE, "value": 0.5, "speaker": 0, "attributes": HOSTILE}]
    run = folders.write(
        tmp_path / name,
        config=folders.CONFIG + f"Log.name = {HOSTILE!r}\n".replace("{", "{{"),
        rows=rows,
        testlanguage=language + folders.language(),
        examplegames=folders.games(called=HOSTILE, pictures=False),
    )
    text = read(run, folders.write(tmp_path / "plain"), out=tmp_path / "page.html")
    assert text.count("<script>") == 1 and text.count("</script>") == 1
    assert "alert(1)" in folders.Page(text).words
    assert {tag for tag, _ in folders.Page(text).elements} & {"script"} == {"script"}
    assert sum(tag == "script" for tag, _ in folders.Page(text).elements) == 1


MODES = ("testchannel", "testmessage", "testinput", "testtopsim", "testlanguage", "examplegames")


def test_a_run_that_was_never_tested_has_a_page_that_says_what_to_do(tmp_path):
    run = folders.write(tmp_path / "a run")
    text = read(run)
    assert re.findall(r"<h2 id=[^>]*>([^<]*)", text) == HEADINGS
    assert text.count('class="missing"') == 8  # the six modes, symbols again, and how to make a transfer run
    page = folders.Page(text)
    assert {row["accuracy"] for row in folders.metrics()} <= page.numbers
    for mode in MODES:
        assert f"a run has no eval/{mode}.jsonl; this command makes it:" in page.words
        assert f"tf-emcom evaluate '--workdir={run}' --mode={mode}" in page.words


def test_a_run_that_lacks_a_test_stands_beside_one_that_has_it(tmp_path):
    tested = folders.write(tmp_path / "tested", testchannel=folders.accuracies("testchannel"))
    text = read(tested, folders.write(tmp_path / "bare"), out=tmp_path / "page.html")
    assert "bare has no eval/testchannel.jsonl" in text and "tested has no eval/testchannel.jsonl" not in text
    assert {row["accuracy"] for row in folders.accuracies("testchannel")} <= folders.Page(text).numbers


def test_metrics_without_a_line_that_can_be_used_are_damaged(tmp_path):
    run = folders.write(tmp_path / "run", rows=[{"step": "x", "accuracy": 0.5}])
    with pytest.raises(UserError, match="metrics.jsonl is damaged .no line of it is a logged step"):
        write_report([str(run)])


def test_lines_that_were_cut_short_are_reported(tmp_path):
    run = folders.write(tmp_path / "run", testchannel=folders.accuracies("testchannel"))
    for path, keep in ((run / "metrics.jsonl", -20), (run / "eval" / "testchannel.jsonl", -30)):
        path.write_text(path.read_text()[:keep])
    page = folders.Page(read(run))
    assert "run: 1 line of metrics.jsonl cut short, changed or of another form, and left out." in page.words
    assert "run: 1 line of eval/testchannel.jsonl cut short" in page.words
    assert {row["accuracy"] for row in folders.accuracies("testchannel")[:-1]} <= page.numbers


def test_games_are_shown_from_candidates_to_choice(one):
    first, second = re.findall(r'<article class="game">.*?</article>', one, flags=re.DOTALL)
    assert "✓ success" in first and "✗ failure" in second
    assert first.count('<li class="target choice">') == 1
    assert second.count('<li class="target">') == second.count('<li class=" choice">') == 1
    assert [part.count('aria-label="erased"') for part in (first, second)] == [1, 2]
    assert re.findall(r'class="symbol[^"]*">(\d)', second) == ["4", "1", "2", "2"]
    assert [f"data:image/png;base64,{picture}" in first for picture in folders.games()[0]["pictures"]] == [True] * 4


def test_a_population_is_shown_by_its_average_and_its_vote(tmp_path):
    whole = [{"ensemble": kind, "speakers": 2, "listeners": 2} for kind in ("average", "vote")]
    labels = [{"speaker": s, "listener": n} for s in range(2) for n in range(2)]
    rows = folders.accuracies("testchannel", labels=[*labels, *whole, {"ensemble": "vote", "speaker": 0}])
    page = folders.Page(read(folders.write(tmp_path / "run", testchannel=rows)))
    shown = {row["accuracy"] for row in rows if "ensemble" in row and "speaker" not in row}
    assert shown <= page.numbers
    assert not page.numbers & {row["accuracy"] for row in rows if "speaker" in row}
    assert "vote" in page.words


def test_independent_pairs_are_shown_by_mean_and_deviation(tmp_path):
    labels = [{"speaker": i, "listener": i, "training_seed": i} for i in range(3)]
    rows = folders.accuracies("testchannel", labels=labels)
    by_seed = [{**row, "by_seed": {"accuracy": [row["accuracy"]] * 3}} for row in folders.metrics()]
    text = read(folders.write(tmp_path / "run", rows=by_seed, testchannel=rows))
    first = [row["accuracy"] for row in rows if (row["candidates"], row["noise"]) == (16, 0.0)]
    mean = sum(first) / 3
    deviation = (sum((value - mean) ** 2 for value in first) / 2) ** 0.5
    found = re.search(rf'<data value="([^"]*)">{mean:.3f}</data> <small>± {deviation:.3f}</small>', text)
    assert float(found[1]) == pytest.approx(mean, abs=1e-12)
    assert "3 independent pairs" in folders.Page(text).words


def test_a_sweep_is_shown_as_a_run_for_each_of_its_settings(tmp_path):
    varied = [{"noise": noise} for noise in (0.0, 0.25) for _ in range(2)]
    labels = [{"speaker": i, "listener": i, "training_seed": i % 2, "varied": varied[i]} for i in range(4)]
    rows = folders.accuracies("testchannel", labels=labels)
    logged = [
        {**row, "varied": varied, "by_seed": {"accuracy": [0.1, 0.3, 0.6, 0.8], "noise": [0.0, 0.0, 0.25, 0.25]}}
        for row in folders.metrics()
    ]
    page = folders.Page(read(folders.write(tmp_path / "run", rows=logged, testchannel=rows)))
    for name in ("run: noise 0", "run: noise 0.25"):
        assert name in page.words
    # Means over the seeds of a setting, of what is logged and of what is tested, and never over settings.
    assert {0.2, 0.7} <= {round(number, 9) for number in page.numbers}
    cell = [row["accuracy"] for row in rows if (row["candidates"], row["noise"]) == (16, 0.0)]
    for mean in (sum(cell[:2]) / 2, sum(cell[2:]) / 2):
        assert any(abs(number - mean) < 1e-12 for number in page.numbers)
    assert not any(abs(number - sum(cell) / 4) < 1e-12 for number in page.numbers)
    assert "2 independent pairs" in page.words and "4 independent pairs" not in page.words


@pytest.mark.parametrize("varied", [7, "noise", [1, 2], [{"noise": "0.5"}], [{"noise": [0.5]}, {"noise": 0.5}], []])
def test_what_varies_in_no_known_way_is_no_sweep(tmp_path, varied):
    rows = [{**row, "varied": varied, "by_seed": {"accuracy": [0.1, 0.3]}} for row in folders.metrics()]
    tested = [{**row, "varied": varied} for row in folders.accuracies("testchannel")]
    page = folders.Page(read(folders.write(tmp_path / "run", rows=rows, testchannel=tested)))
    assert "run: noise" not in page.words and "Learning curves" in page.words


@pytest.mark.parametrize("by_seed", [None, 3, {"accuracy": 0.5}, {"accuracy": [0.5]}, {"accuracy": [None, 0.5]}])
def test_a_line_of_a_sweep_without_the_numbers_of_its_runs_stops_no_report(tmp_path, by_seed):
    rows = [{**row, "varied": [{"noise": 0.0}, {"noise": 0.5}], "by_seed": by_seed} for row in folders.metrics()]
    page = folders.Page(read(folders.write(tmp_path / "run", rows=rows)))
    assert "run: noise 0.5" in page.words


def test_rows_of_the_newest_step_and_with_the_mark_are_shown(tmp_path):
    older = [{**row, "step": 20} for row in folders.accuracies("testchannel", seed=5)]
    pair = [{**row, "whole": False} for row in folders.accuracies("testchannel", seed=6)]
    labels = [{"ensemble": "average", "speakers": 2, "listeners": 1}]
    average = [{**row, "whole": True} for row in folders.accuracies("testchannel", seed=7, labels=labels)]
    page = folders.Page(read(folders.write(tmp_path / "run", testchannel=[*average, *pair, *older])))
    assert {row["accuracy"] for row in average} <= page.numbers
    assert not page.numbers & {row["accuracy"] for row in [*pair, *older]}


def test_a_transfer_run_is_shown(tmp_path):
    result = {"mode": "test", "task": "classification", "noise": 0.25, "accuracy": 0.654321, "loss": 1.25}
    result |= {"intervals": {"accuracy": [0.6, 0.7]}, "without_message": 0.1309}
    learning = [{"step": 20, "accuracy": 0.3, "area": 0.3}, {"step": 40, "accuracy": 0.5, "area": 0.4321}]
    run = folders.write(tmp_path / "run", config=folders.TRANSFER, test=[result], ease_of_learning=learning)
    text = read(run)
    assert {0.654321, 0.1309, 0.4321} <= folders.Page(text).numbers
    assert "Accuracy by candidates and channel noise" not in text and "Example games" not in text


def test_accuracy_at_each_attribute_is_shown_folded_away(tmp_path):
    def row(noise, *accuracies):
        found = zip(("Bald", "Smiling"), accuracies, strict=True)
        by_label = {
            name: {"accuracy": value, "interval": [value - 0.01, value + 0.01], "without_message": 0.625}
            for name, value in found
        }
        rest = {"mode": "test", "task": "attribute", "accuracy": sum(accuracies) / 2, "loss": 1.0}
        return {**rest, "noise": noise, "by_label": by_label}

    run = folders.write(tmp_path / "run", folders.TRANSFER, test=[row(0.0, 0.91234, 0.81234), row(0.5, 0.71234, 0.5)])
    text = read(run)
    page = folders.Page(text)
    assert {0.91234, 0.81234, 0.71234, 0.625} <= page.numbers
    assert "attribute noise 0 noise 0.5 without message Bald 0.912 0.902–0.922 0.712 0.702–0.722 0.625" in page.words
    assert "<summary>run: accuracy at each of 2 labels" in text


@pytest.mark.parametrize("by_label", [{"Bald": 0.5}, {"Bald": {"accuracy": "x", "interval": 3}}, {}, [1], None])
def test_accuracies_of_attributes_in_another_form_are_left_out(tmp_path, by_label):
    row = {"mode": "test", "task": "attribute", "accuracy": 0.75, "noise": 0.0, "by_label": by_label}
    assert 0.75 in folders.Page(read(folders.write(tmp_path / "run", folders.TRANSFER, test=[row]))).numbers


def test_a_naming_run_is_shown(tmp_path):
    rows = [{"noise": 0.5, "accuracy": 0.456789, "interval": [0.4, 0.5], "without_message": 0.1, "speaker": 0}]
    text = read(folders.write(tmp_path / "run", config=folders.NAMING, testnaming=rows))
    assert 0.456789 in folders.Page(text).numbers
    bare = read(folders.write(tmp_path / "bare", config=folders.NAMING))
    assert "--mode=testnaming" in bare and "--mode=testchannel" not in bare


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"There is no run in .*nowhere: it has no config.gin"):
        write_report([str(tmp_path / "nowhere")])


def test_a_run_without_metrics_is_refused(tmp_path):
    run = folders.write(tmp_path / "run", rows=[])
    with pytest.raises(UserError, match=r"has no metrics yet: .* start the same tf-emcom train command again"):
        write_report([str(run)])
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"steps = = 3", "cannot be understood"), (b"\xff\xfe\x00", "is damaged .it is no text in UTF-8")],
    ids=["no gin", "no text"],
)
def test_a_damaged_configuration_is_refused(tmp_path, text, said):
    run = folders.write(tmp_path / "run")
    (run / "config.gin").write_bytes(text)
    with pytest.raises(UserError, match=f"config.gin {said}"):
        write_report([str(run)])


def test_a_file_that_is_no_report_is_not_written_over(run, tmp_path):
    (tmp_path / "notes.html").write_text("mine")
    with pytest.raises(UserError, match="a file that is no report"):
        write_report([str(run)], str(tmp_path / "notes.html"))
    with pytest.raises(UserError, match="which is a folder"):
        write_report([str(run)], str(tmp_path))
    assert (tmp_path / "notes.html").read_text() == "mine"


def test_a_report_is_written_over_its_own_and_leaves_nothing_else(tmp_path):
    run = folders.write(tmp_path / "run")
    before = set(commands.snapshot(run))
    assert read(run) == read(run)
    assert set(commands.snapshot(run)) - before == {"report.html"}


def test_no_run_is_refused():
    with pytest.raises(UserError, match="No run is named"):
        write_report([])


def test_a_run_named_twice_is_shown_once(tmp_path):
    run = folders.write(tmp_path / "run")
    assert read(run, f"{run}/../{run.name}") == read(run)


def start(*arguments, cwd):
    command = [*commands.python(), str(commands.ROOT / "bin" / "report"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.mark.processes
def test_the_command_takes_folders_and_flags_in_any_order(run, other, two, tmp_path):
    done = start(run, "--out=a/page.html", other, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The report is in a/page.html.\n"
    assert (tmp_path / "a" / "page.html").read_text() == two


@pytest.mark.processes
def test_the_command_says_a_mistake_in_one_sentence(tmp_path):
    done = start(tmp_path / "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: There is no run in") and done.stderr.count("\n") == 1


TRANSFERS = {
    "data = @Digits()\n": "tf-emcom train --gin_file=gin/etl_digits.gin '--gin_param=checkpoint=",
    "data = @ByolFolder()\nByolFolder.name = 'byol_celeb_a2_noimg'\n": "--gin_file=gin/etl_celeba_noimg.gin '--gin",
    "data = @ByolFolder()\ndata_name = 'birds'\nByolFolder.name = %data_name\nByolFolder.data_dir = '/d'\n": (
        "--gin_file=gin/etl_features.gin '--gin_param=data_name=\"birds\"' --data_dir=/d '--gin_param=checkpoint="
    ),
}


@pytest.mark.parametrize("bindings", TRANSFERS)
def test_the_transfer_run_that_is_advised_has_the_same_data(tmp_path, bindings):
    config = folders.CONFIG.replace("data = @Digits()\n", bindings)
    assert bindings in config
    assert TRANSFERS[bindings] in folders.Page(read(folders.write(tmp_path / "run", config=config))).words


@pytest.mark.slow
def test_held_out_games_are_drawn_with_the_step_that_is_best(run, one, tmp_path):
    losses = (2.5, 1.5, 2.0)
    lines = [{"step": 10 * (i + 1), "listener_loss": loss, "accuracy": 0.1 * i} for i, loss in enumerate(losses)]
    validated = folders.whole(tmp_path / "validated")
    (validated / "validation.jsonl").write_text(json_lines([*lines, {"step": 40, "listener_loss": None}]))
    assert "Held-out games" not in one
    found = read(run, validated, out=tmp_path / "page.html")
    assert "Held-out games while agents learn; the best: step 20 of validated." in folders.Page(found).words
    assert "validation listener loss by step" in found and "validation accuracy by step" in found
    (validated / "validation.jsonl").write_text(json_lines(lines) + '{"step": 40, "li')
    assert "1 line of validation.jsonl cut short" in folders.Page(read(validated)).words
