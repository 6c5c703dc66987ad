"""The page in a real browser, on a desktop's and on a phone's width."""

import shutil

import pytest

from tests.tools.report import folders
from tf_emcom.tools.report.report import write_report

pytestmark = pytest.mark.browser

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIETLY = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# How many colours each picture has, once it is painted.
_COLOURS = """
() => [...document.images].map(image => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth || 1, image.naturalHeight || 1];
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const words = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return {width: image.naturalWidth, colours: new Set(words).size};
})
"""
# Of what must be in a plot, in screen pixels.
_PLOTS = """
() => [...document.querySelectorAll('.plot svg')].map(svg => {
  const box = svg.getBoundingClientRect(), inside = svg.querySelectorAll('path, use, image').length;
  return {width: box.width, height: box.height, inside: inside};
})
"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    assert path, "This test needs Chromium; install it (on Debian and Ubuntu: apt-get install chromium)."
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(_QUIETLY))
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of one run, of two, and of one that was never tested."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = folders.whole(folder / "first"), folders.whole(folder / "second", seed=7, noise=0.0)
    bare = folders.write(folder / "<script>alert(1)<")
    made = {"one": [first], "two": [first, second], "bare": [bare]}
    return {
        name: write_report([str(path) for path in paths], str(folder / f"{name}.html"))
        for name, paths in made.items()
    }


class Visit:
    """A page that is open, and what the browser had to say about it."""

    def __init__(self, browser, path, width, scheme="light"):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.said, self.requests = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(f"file://{path.replace('<', '%3C')}", wait_until="load")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("name", ["one", "two", "bare"])
def test_a_page_renders_without_a_complaint_or_a_request(browser, pages, name, width):
    with Visit(browser, pages[name], width) as visit:
        assert visit.said == []
        assert [url for url in visit.requests if not url.startswith("data:")] == [visit.page.url]
        # Tables scroll by themselves; the page does not.
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("name", "count"), [("one", 8), ("two", 16)])
def test_pictures_show_something(browser, pages, name, count):
    with Visit(browser, pages[name], 1200) as visit:
        found = visit.page.evaluate(_COLOURS)
        assert len(found) == count
        assert [picture for picture in found if picture["width"] < 1 or picture["colours"] < 2] == []


@pytest.mark.parametrize("name", ["one", "two"])
def test_plots_have_their_size_on_narrow_screens_too(browser, pages, name):
    for width in (1200, 390):
        with Visit(browser, pages[name], width) as visit:
            found = visit.page.evaluate(_PLOTS)
            assert len(found) >= 9
            assert all(100 < plot["width"] < width and plot["height"] > 80 and plot["inside"] > 10 for plot in found)


def test_headings_and_contents_lead_to_sections(browser, pages):
    with Visit(browser, pages["two"], 1200) as visit:
        headings = visit.page.locator("section > h2").all_inner_texts()
        assert headings == visit.page.locator("nav li a").all_inner_texts()
        assert len(headings) == 10
        visit.page.locator("nav li a").last.click()
        assert visit.page.locator("section").last.evaluate("e => e.getBoundingClientRect().top") < 900


def test_a_dark_screen_has_light_text_in_plots_too(browser, pages):
    ink = "() => getComputedStyle(document.querySelector('.plot text')).fill"
    colours = {}
    for scheme in ("light", "dark"):
        with Visit(browser, pages["one"], 1200, scheme) as visit:
            colours[scheme] = [int(v) for v in visit.page.evaluate(ink).strip("rgb()").split(",")]
    assert max(colours["light"]) < 80 and min(colours["dark"]) > 180


def test_what_is_folded_away_is_printed(browser, pages):
    with Visit(browser, pages["one"], 1200) as visit:
        assert visit.page.locator("details[open]").count() == 0
        assert len(visit.page.pdf()) > 20_000
        assert visit.page.locator("details:not([open])").count() == 0
