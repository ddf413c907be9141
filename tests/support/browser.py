"""Opens pages in a headless Chromium; ``python tests/support/browser.py FOLDER`` checks a report's folder."""

import io
import json
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# WebGL drawn in software, and nothing that the browser would do on the network of its own
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_LOCAL = ("file:", "data:", "blob:", "about:")
_UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def find_chromium():
    """Path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_page(path, width=900, height=700):
    """The page and the list of requests that left the machine's files."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=_FLAGS)
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            requests = []
            page.on("request", lambda request: request.url.startswith(_LOCAL) or requests.append(request.url))
            page.on("websocket", lambda socket: requests.append(socket.url))
            page.goto(Path(path).resolve().as_uri())
            yield page, requests
        finally:
            browser.close()


def find_canvas(page, frame):
    """The 3D canvas of a frame, once it is drawn."""
    if frame.parent_frame:
        # nothing is drawn in a frame outside the window
        frame.frame_element().scroll_into_view_if_needed()
    canvas = frame.locator("canvas").first
    canvas.wait_for()
    for _ in range(60):
        if count_colors(photograph(canvas)) > 50:
            break
        page.wait_for_timeout(250)
    # surfaces come one after the other
    last = photograph(canvas)
    for _ in range(40):
        page.wait_for_timeout(500)
        now = photograph(canvas)
        if np.array_equal(now, last):
            break
        last = now
    return canvas


def photograph(canvas):
    """Pixels (height, width, 3) uint8."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"))


def count_colors(pixels):
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


def drag(page, canvas):
    """Drag the mouse over the middle of the canvas."""
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x + 25 * step, y + 10 * step)
    page.mouse.up()
    page.wait_for_timeout(500)


def changed_part(before, after):
    """Part of the pixels that differ visibly."""
    return float((np.abs(before.astype(int) - after).max(axis=2) > 12).mean())


def read_number(text):
    """The number that a reader sees: "1,234", "7.5 min" (in seconds)."""
    match = re.fullmatch(r"(-?[\d.,]+(?:e-?\d+)?)(?: (\w+))?", text)
    assert match, f"{text!r} is no number"
    return float(match[1].replace(",", "")) * _UNITS[match[2] or "s"]


def check_figures(page, metrics):
    """Every cited number equals its value in the metrics, to the digits shown; returns how many there were."""
    cited = page.eval_on_selector_all("[data-path]", "spans => spans.map(s => [s.dataset.path, s.textContent])")
    for path, text in cited:
        value = metrics
        for key in path.split("/"):
            value = value[int(key)] if isinstance(value, list) else value[key]
        shown = read_number(text)
        assert abs(shown - value) <= 0.0051 * abs(value), f"{path} is {value}, the page says {text}"
    return len(cited)


def check_bare_figures(page):
    """No cell of a column of figures holds a number that is not cited."""
    bare = page.eval_on_selector_all(
        "td.figure",
        """cells => cells.map(cell => {
            const copy = cell.cloneNode(true);
            copy.querySelectorAll('[data-path]').forEach(span => span.remove());
            return copy.textContent;
        })""",
    )
    assert bare, "the page has no tables"
    assert not [text for text in bare if re.search(r"\d", text)]


def check_report(folder):
    """Open a report and check figures, network and the 3D view; says what it saw."""
    folder = Path(folder)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    with open_page(folder / "report.html") as (page, requests):
        cited = check_figures(page, metrics)
        rows, targets = metrics["results"]["rows"], metrics["results"]["targets"]
        assert cited >= sum(
            len(row["metrics"][t["name"]]) for row in rows for t in targets if t["name"] in row["metrics"]
        )
        check_bare_figures(page)
        pictures = page.eval_on_selector_all("img", "images => images.map(i => i.complete && i.naturalWidth)")
        assert pictures, "the page has no pictures"
        assert all(width > 300 for width in pictures)
        frame = page.query_selector("iframe").content_frame()
        canvas = find_canvas(page, frame)
        before = photograph(canvas)
        drag(page, canvas)
        after = photograph(canvas)
        assert count_colors(before) > 50, "the 3D view is blank"
        assert changed_part(before, after) > 0.01, "dragging does not turn the 3D view"
        assert requests == []
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"the page is {wide} pixels wider than the window"
    return {"cited": cited, "colors": count_colors(before), "changed": changed_part(before, after)}


if __name__ == "__main__":
    print(check_report(sys.argv[1]))
