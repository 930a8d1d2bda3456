"""./dev bench: every question, the bars and the scale; writes bench.md, bench.json and pictures."""
import argparse
import json
import pathlib
import platform
import sys
import tempfile

import bars
import bench_objects
import measure
import peers
import plots
import questions
import report
import scale
import states


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def all_questions(options, folder):
    """({question: {letter: {arm: Spread}}}, {letter: text})"""
    found, texts = {name: {} for name in questions.NAMES}, {}
    for kind in states.ALL:
        say(f"state {kind.letter}")
        with tempfile.TemporaryDirectory(dir=folder) as place:
            by_question, texts[kind.letter] = questions.one_state(kind, options.scale,
                                                                  options.rounds, place)
        by_question["memory"] = {}
        if not options.quick or kind.letter in "LA":
            by_question["memory"] = questions.memory(kind, options.scale, folder)
        for name, arms in by_question.items():
            if arms:
                found[name][kind.letter] = arms
    return found, texts


def measured(options, folder):
    found = {"machine": measure.machine(folder) | {"python": platform.python_version()},
             "rounds": options.rounds, "missing": peers.present(folder)[1],
             "calibration": [measure.calibrate(folder)], "questions": {}, "states": {}}
    if not options.bars:
        found["questions"], found["states"] = all_questions(options, folder)
    say("bars")
    found["bars"] = bars.all_bars(options.scale, options.scale * (1 if options.quick else 4),
                                  options.rounds, folder, options.out)
    if options.bars:
        return found | {"calibration": [*found["calibration"], measure.calibrate(folder)]}
    say("objects")
    found["objects"] = bench_objects.measured(int(100_000 * min(1, options.scale)),
                                              options.rounds)
    say("scale")
    found["scale"] = scale.measured(options.quick, folder)
    found["calibration"].append(measure.calibrate(folder))
    return found


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a sixteenth of the size: 2 minutes")
    parser.add_argument("--bars", action="store_true", help="the bars alone: 4 minutes")
    parser.add_argument("--readme", action="store_true", help="puts the short table into README.md")
    parser.add_argument("--folder", default=".", help="on the file system to measure")
    parser.add_argument("--rounds", type=int, help="of each arm (default 7, quick 3)")
    parser.add_argument("--out", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.scale = 1 / 16 if options.quick else 1
    options.rounds = options.rounds or (3 if options.quick else 7)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder) as folder:
        found = measured(options, pathlib.Path(folder).resolve())
    name = "bars" if options.bars else "bench"
    (options.out / f"{name}.json").write_text(json.dumps(found, indent=1))
    text = "\n".join(report.whole(found))
    (options.out / f"{name}.md").write_text(text)
    pictures = [] if options.bars else plots.draw(found, options.out)
    print(text)
    print(f"written: {options.out}/{name}.md, {', '.join([f'{name}.json', *pictures])}")
    if options.readme and not options.bars:
        report.into_readme(found)


if __name__ == "__main__":
    main()
