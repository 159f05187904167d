"""The report as a reader meets it, at 30 trials and at 3,000: the answer first, and legible everywhere."""

from __future__ import annotations

import base64
import time

import pytest
from browser_reader import Reader
from study_toys import realistic

from elman.search.pictures import pictures as drawn_of
from elman.search.report.page import report
from elman.search.results.answer import headline

pytestmark = pytest.mark.browser

SIZES = ((1280, 800), (1920, 1080))
DRAWN_SECONDS = 60.0
# Of what stands in the first screen: pictures that reach into one another, or out of the page.
OVERLAPS = """
const boxes = [...document.querySelectorAll("figure")].map((f) => f.getBoundingClientRect());
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
const meet = boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right - 1 && b.left < a.right - 1
  && a.top < b.bottom - 1 && b.top < a.bottom - 1));
return [wide, meet];
"""


@pytest.fixture(
    scope="module", params=[(30, False), (30, True), (3000, True)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def page(request, tmp_path_factory):
    """(name, study, address) of a report."""
    trials, several = request.param
    study = realistic(trials, several=several, running=False)
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report(study), encoding="utf-8")
    return f"report_{trials}{'_front' if several else ''}", study, file.as_uri()


def opened(chromium, address, count):
    """Open a page and wait until all its pictures are drawn."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get(address)
    end = time.monotonic() + DRAWN_SECONDS
    while len(chromium.find_elements("css selector", ".plot .main-svg")) < count:
        assert time.monotonic() < end, "not all pictures are drawn"
        time.sleep(0.2)
    time.sleep(1)


def whole(chromium, path):
    """A picture of the page from top to bottom."""
    size = chromium.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
    shot = {"captureBeyondViewport": True, "clip": clip}
    taken = chromium.execute_cdp_cmd("Page.captureScreenshot", shot)
    path.write_bytes(base64.b64decode(taken["data"]))


@pytest.mark.parametrize("look", [(*size, dark) for size in SIZES for dark in (False, True)], ids=str)
def test_the_first_screen_holds_the_answer(page, screen, chromium, pictures, look):
    name, study, address = page
    width, height, dark = look
    screen(width, height, dark=dark)
    opened(chromium, address, len(drawn_of(study).drawn))
    seen = Reader(chromium, pictures).in_view()
    for sentence in headline(study):
        assert " ".join(sentence.split()) in seen
    assert study.question in seen
    assert chromium.execute_script(OVERLAPS) == [False, False]
    errors = [e["message"] for e in chromium.get_log("browser") if e["level"] == "SEVERE"]
    assert errors == []
    label = f"{name}_{width}_{'dark' if dark else 'light'}"
    chromium.save_screenshot(str(pictures / f"{label}.png"))
    if len(study.trials) < 100 or width == 1280:
        whole(chromium, pictures / f"{label}_whole.png")


def test_it_prints(page, screen, chromium, pictures):
    """On A4, with every picture on it."""
    name, study, address = page
    screen(1280, 800, dark=True)  # paper is light, whatever the reader's system is
    opened(chromium, address, len(drawn_of(study).drawn))
    given = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True, "pageRanges": "1-8"}
    printed = chromium.execute_cdp_cmd("Page.printToPDF", given)
    file = pictures / f"{name}.pdf"
    file.write_bytes(base64.b64decode(printed["data"]))
    assert file.stat().st_size > 50_000
