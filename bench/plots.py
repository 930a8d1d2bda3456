"""The tables as pictures, SVG and PNG; without matplotlib there are none."""
import questions


def bars(found, name, plt):
    """One panel for each state, a bar for each arm, from the lower to the upper quartile."""
    by_state = found["questions"][name]
    figure, panels = plt.subplots(2, (len(by_state) + 1) // 2, figsize=(18, 9), squeeze=False)
    for panel, (letter, arms) in zip(panels.flat, by_state.items()):
        names = list(arms)
        middles = [arms[arm]["median"] for arm in names]
        spreads = [[max(0, arms[arm]["median"] - arms[arm]["low"]) for arm in names],
                   [max(0, arms[arm]["high"] - arms[arm]["median"]) for arm in names]]
        colours = ["tab:green" if arm.startswith("resume") else "tab:gray" if "fdatasync" in arm
                   or arm == "memcpy" else "tab:blue" for arm in names]
        panel.barh(names, middles, xerr=spreads, color=colours)
        panel.set_title(f"{letter}: {found['states'][letter]}", fontsize=9)
        panel.invert_yaxis()
        if min(middles) > 0:
            panel.set_xscale("log")
        panel.tick_params(labelsize=7)
    for panel in panels.flat[len(by_state):]:
        panel.axis("off")
    figure.suptitle(questions.NAMES[name])
    return figure


def scale(found, plt):
    figure, panels = plt.subplots(1, len(found["scale"]), figsize=(18, 4.5), squeeze=False)
    for panel, about in zip(panels.flat, found["scale"].values()):
        counts = [point["n"] for point in about["points"]]
        for key, slope in about["slopes"].items():
            values = [point[key]["median"] * 1e3 for point in about["points"]]
            panel.loglog(counts, values, "o-", label=f"{key} (exponent {slope:.2f})")
        panel.set_xlabel(about["axis"])
        panel.set_ylabel("ms")
        panel.legend(fontsize=8)
    figure.suptitle("Scale")
    return figure


def draw(found, folder):
    """Writes the pictures; gives their names."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return []
    figures = {name: bars(found, name, plt) for name in found["questions"]}
    figures["scale"] = scale(found, plt)
    names = []
    for name, figure in figures.items():
        figure.tight_layout()
        for ending in ("svg", "png"):
            names.append(f"{name}.{ending}")
            figure.savefig(folder / names[-1], dpi=110)
        plt.close(figure)
    return names
