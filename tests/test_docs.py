"""The Python blocks of the pages run; those marked `no-run` need a data set or stand in another file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def python_blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def test_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rdkit")
    pytest.importorskip("ase")
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(ROOT / "README.md")
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "caffeine.cube").stat().st_size > 10_000


def test_the_page_of_densities_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(ROOT / "docs" / "densities.md")
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "densities.md", "exec"), {})


@pytest.mark.parametrize("name", ["gradients", "force_field"])
def test_tutorials_of_torch_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a tutorial build on each other."""
    pytest.importorskip("torch")
    pytest.importorskip("ase")
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(ROOT / "docs" / "tutorials" / f"{name}.md")
    assert len(blocks) > 5
    space: dict[str, object] = {"__name__": name}
    for block in blocks:
        exec(compile(block, f"{name}.md", "exec"), space)


def test_the_tutorial_of_jax_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(ROOT / "docs" / "tutorials" / "jax.md")
    assert len(blocks) == 7
    space: dict[str, object] = {"__name__": "jax_tutorial"}
    for block in blocks:
        exec(compile(block, "jax.md", "exec"), space)


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
