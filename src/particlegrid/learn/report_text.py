"""What a report says: its sections, made from the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from particlegrid.learn.document import Block, Cited, Citer, Code, Image, Paragraph, Row, Section, Table, Text, View
from particlegrid.learn.plots import draw_error_by_size, draw_learning_curve, draw_parity
from particlegrid.learn.quoted import quote
from particlegrid.learn.results import ResultRow, Results
from particlegrid.view.pages import snapshot_3d
from particlegrid.view.pictures import draw_channels, figure_png
from particlegrid.volume import Volume

__all__ = ["report_title", "write_sections"]

_METRICS = ("mae", "rmse", "mse")


def report_title(results: Results) -> str:
    """Title of the report."""
    return f"{_join([target.label for target in results.targets])} of {results.data_set} molecules from voxel grids"


def write_sections(results: Results, volume: Volume, metrics: Mapping[str, Any]) -> tuple[Section, ...]:
    """The sections of a report; every number in them is cited from `metrics`, the content of ``metrics.json``."""
    cite = Citer(metrics)
    return (
        Section("", (_summarise(results, cite),)),
        Section("Errors on the test molecules", tuple(_report_errors(results, cite))),
        Section("Cost", tuple(_report_cost(results, cite))),
        Section("Training and errors in detail", tuple(_report_figures(results))),
        Section("What the network sees", tuple(_report_example(results, volume))),
        Section("How this was made", tuple(_report_making(results, cite))),
    )


def _summarise(results: Results, cite: Citer) -> Paragraph:
    target, quoted = results.targets[0], quote(results.data_set)
    place = f"results/rows/{results.rows.index(results.ours)}/metrics/{target.name}/mae"
    text: list[str | Cited] = [
        "A 3D convolutional network with ",
        cite.count("results/parameters"),
        " parameters was trained for ",
        cite.duration("results/timings/training_seconds"),
        " on ",
        cite.count("results/train_size"),
        f" molecules of {results.data_set}, whose voxel grids were made while it trained. For ",
        cite.count("test_size"),
        f" molecules that it had not seen, its {target.label} is off by ",
        cite.figure(f"{place}/value"),
        f" {target.unit} on average (95 % interval ",
        cite.figure(f"{place}/low"),
        " to ",
        cite.figure(f"{place}/high"),
        f"). {_compare(results, target.name)} ",
        f"{quoted.reference} {quoted.geometry}",
    ]
    return Paragraph(tuple(text), lead=True)


def _report_errors(results: Results, cite: Citer) -> Iterator[Block]:
    for target in results.targets:
        rows = []
        for index, row in enumerate(results.rows):
            group = f"results/rows/{index}/metrics/{target.name}"
            cells: list[Text] = [(row.name + (" (quoted, not measured here)" if row.kind == "quoted" else ""),)]
            cells += [_estimate(cite, f"{group}/{metric}") for metric in _METRICS]
            rows.append(Row(tuple(cells), strong=row.ours, quiet=row.kind == "quoted"))
        unit = target.unit
        yield Table(target.label, ("", f"MAE ({unit})", f"RMSE ({unit})", f"MSE ({unit}²)"), tuple(rows))
    yield Paragraph(
        (
            "In brackets: bootstrap 95 % intervals over the test molecules. They say what other test molecules could "
            "have shown, not what another training would give.",
        )
    )
    for target in results.targets:
        yield Paragraph((f"{target.label}: {_compare(results, target.name)}",))
    rows = []
    for index, row in enumerate(results.rows):
        place = f"results/rows/{index}"
        size = (cite.count(f"{place}/train_size"),) if row.train_size is not None else ("–",)
        seconds = (cite.duration(f"{place}/train_seconds"),) if row.train_seconds is not None else ("–",)
        rows.append(Row(((row.name,), size, seconds, (row.note,)), strong=row.ours, quiet=row.kind == "quoted"))
    yield Table("The methods", ("", "fitted on", "fitted in", "note"), tuple(rows), words=(3,))


def _estimate(cite: Citer, place: str) -> Text:
    """A value with its interval, or a dash."""
    if cite.look_up(f"{place}/value") is None:
        return ("–",)
    value = cite.figure(f"{place}/value")
    if cite.look_up(f"{place}/low") is None:
        return (value,)
    return (value, " (", cite.figure(f"{place}/low"), "–", cite.figure(f"{place}/high"), ")")


def _compare(results: Results, target: str) -> str:
    """Which methods the network beats by MAE, from the numbers: a tie is when the intervals overlap."""
    ours = results.ours.metrics[target]["mae"]
    groups: dict[str, list[str]] = {"beaten": [], "tied": [], "not beaten": []}
    for row in results.rows:
        if row.ours or "mae" not in row.metrics.get(target, {}):
            continue
        theirs = row.metrics[target]["mae"]
        low = theirs.value if theirs.low is None else theirs.low
        high = theirs.value if theirs.high is None else theirs.high
        ours_low, ours_high = (ours.value if bound is None else bound for bound in (ours.low, ours.high))
        outcome = "beaten" if ours_high < low else "not beaten" if ours_low > high else "tied"
        groups[outcome].append(_name(row))
    sentences = {
        "not beaten": "It does not beat {}.",
        "tied": "It cannot be told apart from {}: the intervals overlap.",
        "beaten": "It beats {}.",
    }
    said = [sentence.format(_join(groups[key])) for key, sentence in sentences.items() if groups[key]]
    return " ".join(said) or "There is nothing to compare with."


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _name(row: ResultRow) -> str:
    return row.name + (" (quoted)" if row.kind == "quoted" else "")


def _report_cost(results: Results, cite: Citer) -> Iterator[Block]:
    cost = results.cost
    views = f", {cost.views} views averaged" if cost.views > 1 else ""
    measured = f"measured here, in batches of {cost.batch_size}{views}, on {cost.device}"
    rows = [
        Row((("the network, with its voxel grid",), _milliseconds(cite, "cost_total_ms"), (measured,)), strong=True),
        Row((("of which the grid",), _milliseconds(cite, "results/cost/gridding_ms"), ())),
        Row((("of which the network",), _milliseconds(cite, "results/cost/network_ms"), ())),
    ]
    known = quote(results.data_set)
    for index, quoted in enumerate(known.costs):
        cells = [cite.duration(f"quoted_costs/{index}/seconds/{i}") for i in range(len(quoted.seconds))]
        times: list[str | Cited] = [part for cell in cells for part in (cell, ", ")][:-1]
        rows.append(Row(((f"{quoted.method} (quoted)",), tuple(times), (quoted.source,)), quiet=True))
    yield Table("Time for one molecule", ("", "time", "how"), tuple(rows), words=(2,))
    if known.costs:
        words = "Different machines and different accuracies: the table gives orders of magnitude, and no ratio. "
        yield Paragraph((words + known.geometry,))
    yield Paragraph(
        (
            "Training took ",
            cite.duration("results/timings/training_seconds"),
            f" on {results.hardware}, at ",
            cite.figure("results/timings/samples_per_second"),
            " molecules a second; of the time for each molecule, ",
            *_milliseconds(cite, "results/timings/gridding_ms"),
            " went into its grid and ",
            *_milliseconds(cite, "results/timings/network_ms"),
            " into the network.",
        )
    )


def _milliseconds(cite: Citer, path: str) -> Text:
    return (cite.figure(path), " ms")


def _report_figures(results: Results) -> Iterator[Block]:
    names = ", ".join(target.label for target in results.targets)
    yield Image(
        "parity.png",
        figure_png(draw_parity(results)),
        "predictions against reference values",
        f"Prediction against reference value for the test molecules: {names}. Darker is more molecules; the "
        "line is agreement.",
    )
    quoted = any(row.kind == "quoted" for row in results.rows)
    kinds = " (dashed: measured here; dotted: quoted)" if quoted else ""
    yield Image(
        "learning_curve.png",
        figure_png(draw_learning_curve(results)),
        "training loss and validation error against time",
        f"Left: the training loss. Right: the error on validation molecules, with the other methods' test "
        f"errors{kinds}.",
    )
    yield Image(
        "error_by_size.png",
        figure_png(draw_error_by_size(results)),
        "error against the size of the molecule",
        "Mean absolute error against molecule size, with 95 % intervals; the bars show how many test molecules have "
        "each size. Sizes of fewer than five molecules are left out.",
    )


def _report_example(results: Results, volume: Volume) -> Iterator[Block]:
    structure = results.example
    name = f"{structure.name} ({structure.formula})" if structure.name else structure.formula
    shape = " × ".join(map(str, volume.grid.shape))
    spacing = " × ".join(f"{h:g}" for h in sorted(set(volume.grid.spacing.round(6).tolist())))
    yield Image(
        "channels.png",
        figure_png(draw_channels(volume)),
        f"the channels of {name}",
        f"What the network gets of {name}: {len(volume.channels)} channels of {shape} voxels of {spacing} Å. Each "
        "panel is the sum along z, from white to the channel's colour; the circles are the atoms.",
    )
    yield View(
        snapshot_3d(volume, title=name),
        "The same molecule in 3D: surfaces at 30 % of each channel's largest value, and the atoms. Drag to turn, "
        "scroll to zoom; the boxes switch channels on and off.",
        "The same molecule in 3D, to be turned with the mouse, is in `report.html`.",
    )


def _report_making(results: Results, cite: Citer) -> Iterator[Block]:
    seeds = ", ".join(map(str, results.seeds))
    rows: list[tuple[str, Text]] = [
        ("Data", (f"{results.data_set}; ", *_split(cite))),
        ("Split", (f"hash {results.split_hash}",)),
        *((f"Voxelizer, {part}", (_describe(value),)) for part, value in results.voxelizer.items()),
        ("Network", (f"{results.model}; ", cite.count("results/parameters"), " parameters")),
        ("Seeds", (seeds,)),
        ("Hardware", (results.hardware,)),
        ("Date", (results.date,)),
    ]
    yield Table("", ("", ""), tuple(Row(((key,), text)) for key, text in rows), words=(1,))
    for note in results.notes:
        yield Paragraph((note,))
    yield Paragraph(("To make it again:",))
    yield Code(results.command)
    yield Paragraph(("All figures of this page are in metrics.json, at full precision.",))


def _split(cite: Citer) -> Text:
    return (
        cite.count("results/train_size"),
        " molecules to train on, ",
        cite.count("results/validation_size"),
        " to validate, ",
        cite.count("test_size"),
        " to test",
    )


def _describe(value: Any) -> str:
    """A part of a Voxelizer's description in words: ``Box(shape=[32, 32, 32], ...)``."""
    if not isinstance(value, Mapping):
        return str(value)
    if "type" not in value:
        return ", ".join(f"{key}: {_describe(v)}" for key, v in value.items())
    fields = ", ".join(f"{key}={_describe(v)}" for key, v in value.items() if key != "type" and v is not None)
    return f"{value['type']}({fields})"
