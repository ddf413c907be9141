"""Reports: a page, a text and the figures, from the results of a training run."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from particlegrid.learn.document import Image
from particlegrid.learn.quoted import quote
from particlegrid.learn.report_html import render_html
from particlegrid.learn.report_markdown import render_markdown
from particlegrid.learn.report_text import report_title, write_sections
from particlegrid.learn.results import Results
from particlegrid.volume import Volume

__all__ = ["write_report"]


def write_report(results: Results, volume: Volume, folder: str | Path) -> Path:
    """Write a report.

    Parameters
    ----------
    results : Results
        What the report says. Rows quoted from elsewhere are added where the data set has any and `results` does not
        list a method of that name.
    volume : Volume
        The grid of `results.example`, for the pictures.
    folder : path
        Where to; it is made if missing, and other files in it are left alone.

    Returns
    -------
    Path
        ``report.html``, one page that opens anywhere and loads nothing. Beside it lie ``report.md`` with its PNGs and
        ``metrics.json``, which `Results.read` reads. Everything is made before the first old file is replaced.

    Raises
    ------
    ValueError
        If `volume` has no structure.
    """
    if volume.structure is None:
        raise ValueError("`volume` must have its structure, to be drawn; make it with Voxelizer.volume")
    results = _add_quoted(results)
    metrics = json.dumps(_collect_metrics(results), allow_nan=False)
    # read back, so that what is printed is what the file holds
    title, sections = report_title(results), write_sections(results, volume, json.loads(metrics))
    images = [block for section in sections for block in section.blocks if isinstance(block, Image)]
    files: dict[str, bytes] = {image.name: image.png for image in images}
    files["metrics.json"] = metrics.encode()
    files["report.md"] = render_markdown(title, sections).encode()
    files["report.html"] = render_html(title, sections).encode()
    _place_files(files, Path(folder))
    return Path(folder) / "report.html"


def _add_quoted(results: Results) -> Results:
    listed = {row.name for row in results.rows}
    quoted = quote(results.data_set).rows(tuple(target.name for target in results.targets))
    return replace(results, rows=results.rows + tuple(row for row in quoted if row.name not in listed))


def _collect_metrics(results: Results) -> Mapping[str, Any]:
    """The content of ``metrics.json``: the results, the quoted costs, and what follows from them."""
    return {
        "results": results.to_dict(),
        "test_size": len(results.test.atoms),
        "cost_total_ms": results.cost.total_ms,
        "quoted_costs": [asdict(cost) for cost in quote(results.data_set).costs],
    }


def _place_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write all files beside their places and then rename them, one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder, prefix=".report-"))
    try:
        for name, content in files.items():
            (staging / name).write_bytes(content)
        for name in files:
            (staging / name).replace(folder / name)
    finally:
        shutil.rmtree(staging)
