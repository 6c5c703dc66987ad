import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tf_emcom.plots import mark, shades
from tf_emcom.tools.report.drawing import Curve, Panel, draw, draw_heat_map

X, Y = [0.0, 0.5, 1.0], [0.2, 0.9, 0.4]


def panel(**fields):
    curve = Curve(X, Y, mark(0), [(y - 0.1, y + 0.1) for y in Y])
    return Panel([curve], "x of it", "y of it", **{"title": "a title", **fields})


@pytest.mark.parametrize("wide", [False, True])
def test_a_plot_is_well_formed_and_of_no_fixed_width(wide):
    svg = draw(panel(), wide).svg
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg" and set(root.attrib) == {"viewBox"}


def test_a_plot_takes_the_colour_of_text_and_brings_no_fonts():
    svg = draw(panel()).svg
    assert "currentColor" in svg and "#0072b2" in svg
    assert "#000000" not in svg and "DejaVu" not in svg and "<style" not in svg and "http" not in svg


def test_words_are_text_also_where_they_look_like_formulas():
    svg = draw(panel(title="$x_{$ <script>")).svg
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("text")]
    assert {"x of it", "y of it", "$x_{$ <script>"} <= set(texts)


def heights(svg, colour):
    """The y of the points of the thickest curve of a colour, downwards."""
    path = re.search(rf'<path d="([^"]*)"[^>]*style="[^"]*stroke: {colour}; stroke-width: 1.6', svg)[1]
    return [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)]


def test_a_curve_goes_through_its_points():
    down = heights(draw(panel(limits=(0.0, 1.0))).svg, "#0072b2")
    # Heights are in proportion: from 0.2 to 0.9 is 7/5 of the way back to 0.4.
    assert (down[0] - down[1]) / (down[2] - down[1]) == pytest.approx(0.7 / 0.5, rel=1e-4)


def test_what_is_not_finite_is_a_gap():
    curve = Curve([0, 1, 2, 3, 4], [1.0, 2.0, float("nan"), 2.0, 1.0], mark(0), marked=False)
    svg = draw(Panel([curve], "x", "y")).svg
    path = re.search(r'<path d="([^"]*)"[^>]*style="[^"]*stroke: #0072b2; stroke-width: 1.6', svg)[1]
    assert path.count("M") == 2


def test_the_same_panel_gives_the_same_text():
    assert draw(panel()) == draw(panel())


def test_identifiers_of_two_plots_differ():
    first, second = (set(re.findall(r' id="([^"]*)"', draw(panel(title=title)).svg)) for title in ("a", "b"))
    assert first and second and not first & second


def test_a_heat_map_has_every_size():
    for shape in ((1, 2), (10, 20), (50, 200)):
        shares = np.random.default_rng(0).dirichlet(np.ones(shape[1]), shape[0])
        ElementTree.fromstring(draw_heat_map(shares, "run").svg)


def test_many_runs_have_marks_of_their_own():
    assert len({mark(number) for number in range(18)}) == 18
    assert len({each.marker for each in shades(range(8)).values()}) == 8
