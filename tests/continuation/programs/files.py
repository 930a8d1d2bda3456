"""A job with its state in files: written beside and renamed, emptied, cut, removed, read back;
folders that are made once, temporary files that are gone by the next save."""
import json
import os
import shutil
import tempfile


def spin(count):
    total = 0
    for i in range(count):
        total = (total * 31 + i) % 1000003
    return total


def content(folder):
    found = {}
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = len(file.read()), os.path.islink(path)
    return found


def main():
    log = []
    shutil.rmtree("job", ignore_errors=True)  # of a run that has ended
    os.mkdir("job")
    with open("job/state.json", "x") as file:
        json.dump({"sum": 0, "seen": []}, file)
    for step in range(60):
        with open("job/state.json") as file:
            state = json.load(file)
        state["sum"] += step
        state["seen"].append(spin(40000))
        with open("job/new.json", "w") as file:
            json.dump(state, file)
            spin(15000)
        os.replace("job/new.json", "job/state.json")
        part = f"job/part{step}"
        os.mkdir(part)
        with open(f"{part}/rows.txt", "x") as file:
            for i in range(5):
                print(i, spin(8000), file=file)
        if step % 3 == 2:
            shutil.rmtree(f"job/part{step - 1}", ignore_errors=True)
        if step % 5 == 4:
            os.rename(part, f"job/done{step}")
            os.symlink(f"done{step}/rows.txt", f"job/last{step}")
        with tempfile.NamedTemporaryFile("w+", dir="job") as file:
            file.write("x" * step)
            spin(20000)
            file.seek(0)
            log.append(len(file.read()))
        with open("job/bytes", "wb" if step % 7 == 0 else "r+b") as file:
            file.seek(step)
            file.write(bytes([step]))
        os.truncate("job/bytes", step + 1 if step % 4 else 2)
        spin(20000)
        log.append(sorted(name for name in os.listdir("job") if "tmp" not in name))
    print(state["sum"], sum(state["seen"]), [len(names) for names in log[1::2]], sum(log[::2]))
    print(content("job"), flush=True)


main()
