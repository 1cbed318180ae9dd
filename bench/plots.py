"""PNG plots of a run, from its JSON document alone."""

from __future__ import annotations

from pathlib import Path

from .measure import Absent

OUR_COLOUR, OTHER_COLOUR, FLOOR_COLOUR = "#d1495b", "#8fa3b0", "#30638e"
FLOORS = ("memcpy", "sendall")


def draw(document: dict, folder: Path) -> list[Path]:
    """Draw what `document` holds; the files written."""
    try:
        import matplotlib
    except ImportError:
        raise Absent("matplotlib") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    written = []

    def save(figure, name: str) -> None:
        path = folder / f"{name}.png"
        figure.tight_layout()
        figure.savefig(path, dpi=120)
        plt.close(figure)
        written.append(path)

    if document.get("peers"):
        save(_bars(plt, document["peers"]), "peers")
    if document.get("scaling"):
        save(_lines(plt, document["scaling"]), "scaling")
    for case in document["cases"]:
        if case["name"] == "seed-p99" and case.get("detail", {}).get("quantiles"):
            save(_latency(plt, case["detail"]["quantiles"]), "latency")
    return written


def _colour(name: str) -> str:
    if name.startswith("dolphindb_fast"):
        return OUR_COLOUR
    return FLOOR_COLOUR if name in FLOORS else OTHER_COLOUR


def _bars(plt, peers: dict):
    sizes = [key for key in peers if key != "absent"]
    figure, axes = plt.subplots(1, len(sizes), figsize=(6 * len(sizes), 4.5), squeeze=False)
    for axis, rows in zip(axes[0], sizes, strict=True):
        ordered = sorted(peers[rows].items(), key=lambda item: -item[1])
        names = [name for name, _ in ordered]
        values = [value for _, value in ordered]
        axis.barh(names, values, color=[_colour(name) for name in names])
        axis.set_xscale("log")
        axis.set_xlabel("microseconds for one call (logarithmic)")
        axis.set_title(f"{int(rows):,} rows x 4 columns")
        for i, value in enumerate(values):
            axis.text(value, i, f" {value:,.0f}" if value >= 100 else f" {value:.1f}", va="center", fontsize=8)
        axis.margins(x=0.15)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    return figure


def _lines(plt, scaling: dict):
    panels = [key for key in scaling if scaling[key]]
    # two beside each other: more can't be read in the width of a page
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    figure, axes = plt.subplots(down, across, figsize=(5.2 * across, 4.0 * down), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis, panel in zip(axes.flat, panels, strict=False):
        points = {float(key): value for key, value in scaling[panel].items()}
        if panel == "memory":
            axis.plot(list(points), list(points.values()), "o-", color=OUR_COLOUR, label="dolphindb_fast")
            axis.set_ylim(bottom=0, top=max(2.0, *points.values()) * 1.1)
            axis.set_ylabel("MiB above the frame itself")
            axis.set_xlabel("rows, numeric, 1 % NaN")
        else:
            for name in dict.fromkeys(name for value in points.values() for name in value):
                known = [(key, value[name]) for key, value in points.items() if name in value]
                axis.plot(*zip(*known, strict=True), "o-", color=_colour(name), label=name)
            axis.set_yscale("log")
            axis.set_ylabel("microseconds for one call")
            axis.set_xlabel("rows x 4" if panel == "rows" else panel.replace("columns", "columns x 10 rows,"))
        axis.set_xscale("log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return figure


def _latency(plt, quantiles: dict):
    figure, axis = plt.subplots(figsize=(6.4, 4.2))
    for name, points in quantiles.items():
        axis.plot(
            [value for _, value in points],
            [1 - share for share, _ in points],
            color=_colour(name),
            label=name,
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.xaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(plt.NullFormatter())
    axis.set_xlabel("microseconds for one call of the seed frame")
    axis.set_ylabel("share of calls that took longer")
    axis.grid(alpha=0.3, which="both")
    axis.legend()
    return figure
