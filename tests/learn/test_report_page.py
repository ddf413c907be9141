"""The report in a browser: nothing from the network, figures as in metrics.json, a 3D view that turns."""

import json

import pytest
from browser import check_figures, check_report, find_chromium, open_page
from synthetic import make_results, make_volume

from particlegrid.learn.report import write_report

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium, chromium-browser or google-chrome")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("playwright")
    pytest.importorskip("k3d")
    folder = tmp_path_factory.mktemp("report")
    write_report(make_results(), make_volume(), folder)
    return folder


def test_the_page_in_a_browser(folder):
    seen = check_report(folder)
    # 4 methods with 9 figures and their intervals, 3 quoted ones, and those of the text
    assert seen["cited"] > 4 * 9 * 3 + 3


def test_the_check_notices_a_wrong_figure(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["results"]["rows"][0]["metrics"]["gap"]["mae"]["value"] *= 1.1
    with open_page(folder / "report.html") as (page, _), pytest.raises(AssertionError, match="gap/mae/value is"):
        check_figures(page, metrics)


def test_a_phone_needs_no_sideways_scrolling(folder):
    with open_page(folder / "report.html", width=390, height=760) as (page, _):
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
