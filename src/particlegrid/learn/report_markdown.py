"""A report as Markdown, with its pictures beside it."""

from __future__ import annotations

from particlegrid.learn.document import Block, Code, Image, Paragraph, Section, Table, Text, View

__all__ = ["render_markdown"]


def render_markdown(title: str, sections: tuple[Section, ...]) -> str:
    """The text of a report; images are named, not contained."""
    parts = [f"# {title}"]
    for section in sections:
        if section.title:
            parts.append(f"## {section.title}")
        parts += [_render(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _render(block: Block) -> str:
    match block:
        case Paragraph():
            return _inline(block.text)
        case Table():
            return _render_table(block)
        case Code():
            return f"```\n{block.text}\n```"
        case Image():
            return f"![{block.alt}]({block.name})\n\n*{block.caption}*"
        case View():
            return block.instead


def _render_table(table: Table) -> str:
    columns = range(len(table.header))
    lines = [
        _line(table.header),
        _line(tuple(":--" if i == 0 or i in table.words else "--:" for i in columns)),
    ]
    for row in table.rows:
        cells = tuple(_inline(cell).replace("|", "\\|") for cell in row.cells)
        lines.append(_line(tuple(f"**{cell}**" if row.strong and cell else cell for cell in cells)))
    caption = f"**{table.caption}**\n\n" if table.caption else ""
    return caption + "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _inline(text: Text) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in text)
