"""Runs one case of cases/: whole, then killed at every save, then killed at each save in turn.

    python run_case.py MODULE.CASE FOLDER [--warm] [--trace settrace|monitoring] [--new]
                       [--every N --first K]

Every run is a process of its own: a fork of this one, which never runs the case itself, or with
--new a new interpreter. Prints one JSON object: what was seen, and what was wrong.
"""
import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
import warnings

os.environ["RESUME_QUIET"] = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import resume  # noqa: E402
import cases  # noqa: E402

HOPS_MAX = 2000


def find(name):
    module, function = name.rsplit(".", 1)
    return getattr(importlib.import_module("cases." + module), function)


def plain(case):
    """The case without resume: its result, and how often it saves."""
    count = 0

    def save():
        nonlocal count
        count += 1
        return True
    module = sys.modules[case.__module__]
    real, module.save = module.save, save
    try:
        return repr(case()), count
    finally:
        module.save = real


def trace(how):
    if how == "settrace":
        def tracer(frame, event, argument):
            return tracer if f"{os.sep}cases{os.sep}" in frame.f_code.co_filename else None
        sys.settrace(tracer)
    elif how == "monitoring":
        tool, events = sys.monitoring, sys.monitoring.events
        wanted = (events.LINE, events.PY_START, events.INSTRUCTION, events.JUMP, events.CALL)
        tool.use_tool_id(1, "test")
        for event in wanted:
            tool.register_callback(1, event, lambda *arguments: None)
        tool.set_events(1, events.LINE | events.PY_START | events.INSTRUCTION | events.JUMP |
                        events.CALL)


def warm_up(case):
    cases.log_to(os.open(os.devnull, os.O_WRONLY))
    for _ in range(40):
        plain(case)


def one_run(case, options, folder, log, kill):
    """In a process of its own: the case as a program has it; killed after save number `kill`."""
    if options.warm:
        warm_up(case)
    cases.log_to(os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY))
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event == "resume.save":
            seen += 1
            if seen == kill:
                os.kill(os.getpid(), signal.SIGKILL)
    warnings.simplefilter("error", resume.ResumeWarning)
    sys.addaudithook(hook)
    trace(options.trace)
    # killed where the event tells of a save: nothing may have happened behind it
    result = resume.resumable(name="case", folder=folder, rate=0, background=False)(case)()
    return repr(result), seen


def in_fork(function):
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        try:
            answer = function()
        except BaseException:
            answer = "failed", traceback.format_exc()
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return status, json.loads(text) if text else None


def run(case, options, folder, log, kill=0):
    """(exit code, [result, saves]) of one run."""
    if not options.new:
        return in_fork(lambda: one_run(case, options, folder, log, kill))
    command = [sys.executable, os.path.abspath(__file__), options.case, folder, "--child", log,
               "--kill", str(kill)]
    command += ["--warm"] * options.warm + ["--trace", options.trace] * bool(options.trace)
    done = subprocess.run(command, capture_output=True, text=True)
    answer = json.loads(done.stdout) if done.stdout else None
    if answer is None and done.returncode >= 0:
        answer = ["failed", done.stderr]
    return done.returncode, answer


def content(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


class Place:
    """A folder for one chain of runs."""

    def __init__(self, parent, name):
        self.folder = os.path.join(parent, name)
        self.log = self.folder + ".log"


def judge(wanted, status, answer, place):
    """What is wrong with a run that should have come to its end; None: nothing."""
    result, log = wanted
    if status != 0:
        return f"exit code {status}: {answer}"
    if answer[0] != result:
        return f"result {answer[0][:2000]} {answer[1] if answer[0] == 'failed' else ''}, " \
               f"not {result[:500]}"
    if content(place.log) != log:
        return f"log {content(place.log)[:500]!r}, not {log[:500]!r}"
    return None


def at_every_save(case, options, wanted, saves):
    wrong = []
    for kill in range(options.first % options.every + 1, saves + 1, options.every):
        place = Place(options.folder, f"kill-{kill}")
        status, answer = run(case, options, place.folder, place.log, kill)
        if status != -signal.SIGKILL:
            wrong.append([kill, f"not killed: {status} {answer}"])
            continue
        status, answer = run(case, options, place.folder, place.log)
        fault = judge(wanted, status, answer, place)
        if fault is None and answer[1] != saves - kill:
            fault = f"{answer[1]} saves after the restart, not {saves - kill}"
        if fault:
            wrong.append([kill, fault])
    return wrong


def in_turn(case, options, wanted, saves):
    place = Place(options.folder, "turn")
    hops = 0
    status, answer = run(case, options, place.folder, place.log, 1)
    while status == -signal.SIGKILL and hops < HOPS_MAX:
        hops += 1
        status, answer = run(case, options, place.folder, place.log, 1)
    fault = judge(wanted, status, answer, place)
    if fault is None and hops != saves:
        fault = f"{hops} kills, not {saves}"
    return [["in turn", fault]] if fault else []


def whole(case, options):
    """The result and the log that every other run must have; the number of saves."""
    reference = Place(options.folder, "plain")
    place = Place(options.folder, "whole")

    def without():
        cases.log_to(os.open(reference.log, os.O_APPEND | os.O_CREAT | os.O_WRONLY))
        return plain(case)
    status, (result, saves) = in_fork(without)
    if status != 0 or result == "failed":
        return None, 0, [["plain", f"exit code {status}: {saves}"]]
    wanted = result, content(reference.log)
    status, answer = run(case, options, place.folder, place.log)
    fault = judge(wanted, status, answer, place)
    if fault is None and answer[1] != saves:
        fault = f"{answer[1]} saves of {saves}"
    return wanted, saves, [["whole", fault]] if fault else []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("folder")
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--trace")
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="only every n-th save ...")
    parser.add_argument("--first", type=int, default=0, help="... from this one on")
    parser.add_argument("--child")
    parser.add_argument("--kill", type=int, default=0)
    options = parser.parse_args()
    case = find(options.case)
    if options.child:
        print(json.dumps(one_run(case, options, options.folder, options.child, options.kill)))
        return
    os.makedirs(options.folder, exist_ok=True)
    wanted, saves, wrong = whole(case, options)
    if not wrong:
        wrong = at_every_save(case, options, wanted, saves)
        wrong += in_turn(case, options, wanted, saves)
    print(json.dumps({"saves": saves, "wrong": wrong}))


if __name__ == "__main__":
    main()
