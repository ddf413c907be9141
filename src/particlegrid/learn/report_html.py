"""A report as one HTML page that loads nothing."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from importlib import resources
from string import Template

from particlegrid.learn.document import Block, Cited, Code, Image, Paragraph, Section, Table, Text, View
from particlegrid.view.pages import CONTENT_POLICY

__all__ = ["render_html"]


def render_html(title: str, sections: tuple[Section, ...]) -> str:
    """The page of a report; pictures and the interactive view are inside it."""
    figures = iter(range(1, 1000))
    body = "\n".join(_render_section(section, figures) for section in sections)
    template = resources.files("particlegrid.learn").joinpath("templates/report.html").read_text(encoding="utf-8")
    return Template(template).substitute(title=html.escape(title), policy=CONTENT_POLICY, body=body)


def _render_section(section: Section, figures: Iterator[int]) -> str:
    heading = f"<h2>{html.escape(section.title)}</h2>" if section.title else ""
    return f"<section>{heading}\n" + "\n".join(_render(block, figures) for block in section.blocks) + "\n</section>"


def _render(block: Block, figures: Iterator[int]) -> str:
    match block:
        case Paragraph():
            return f"<p{' class=lead' if block.lead else ''}>{_inline(block.text)}</p>"
        case Table():
            return _render_table(block)
        case Code():
            return f"<pre><code>{html.escape(block.text)}</code></pre>"
        case Image():
            source = base64.b64encode(block.png).decode()
            picture = f'<img alt="{html.escape(block.alt)}" src="data:image/png;base64,{source}">'
            return _frame(picture, block.caption, figures)
        case View():
            # the sandbox lets its scripts run and nothing else: the page cannot reach the report around it
            view = f'<iframe title="3D view" sandbox="allow-scripts" srcdoc="{html.escape(block.page)}"></iframe>'
            return _frame(view, block.caption, figures)


def _frame(inner: str, caption: str, figures: Iterator[int]) -> str:
    number = next(figures)
    return f"<figure>{inner}<figcaption><b>Figure {number}.</b> {html.escape(caption)}</figcaption></figure>"


def _render_table(table: Table) -> str:
    def kind(column: int) -> str:
        return "words" if column == 0 or column in table.words else "figure"

    head = "".join(f'<th scope="col" class="{kind(i)}">{html.escape(name)}</th>' for i, name in enumerate(table.header))
    head = f"<thead><tr>{head}</tr></thead>" if any(table.header) else ""
    rows = []
    for row in table.rows:
        mark = " class=strong" if row.strong else " class=quiet" if row.quiet else ""
        cells = "".join(f'<td class="{kind(i)}">{_inline(cell)}</td>' for i, cell in enumerate(row.cells))
        rows.append(f"<tr{mark}>{cells}</tr>")
    caption = f"<caption>{html.escape(table.caption)}</caption>" if table.caption else ""
    return f'<div class="scroll"><table>{caption}{head}<tbody>' + "\n".join(rows) + "</tbody></table></div>"


def _inline(text: Text) -> str:
    parts = []
    for part in text:
        if isinstance(part, Cited):
            parts.append(f'<span data-path="{html.escape(part.path)}">{html.escape(part.text)}</span>')
        else:
            parts.append(html.escape(part))
    return "".join(parts)
