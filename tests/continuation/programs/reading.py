"""A job that reads: lines by `for`, rows of csv, generators over files, two hands at one."""
import csv
import itertools


def spin(count):
    total = 0
    for i in range(count):
        total = (total * 31 + i) % 1000003
    return total


def fields(file):
    for line in file:
        yield line.rstrip("\n").split(",")


def pairs(file):
    """Two lines at once from the one iterator."""
    for first in file:
        yield first, next(file, "")


with open("rows.csv", "w", encoding="utf-8", newline="") as out:
    for number in range(2500):
        out.write(f"{number},{number * 7 % 13},größe \u20ac{number % 5}\r\n")

total = 0
with open("rows.csv", encoding="utf-8") as rows, open("copy.csv", "w", encoding="utf-8") as copy:
    for number, line in enumerate(rows):
        total += spin(400) + len(line)
        copy.write(line.upper())
print(total)

with open("rows.csv", newline="", encoding="utf-8") as source:
    rows = csv.reader(source)
    header = next(rows)
    for row in rows:
        total += spin(400) * int(row[1])
        if rows.line_num % 500 == 0:
            print(rows.line_num, total, row)

with open("rows.csv", newline="", encoding="utf-8") as source:
    for row in csv.DictReader(source, ["a", "b", "c"]):
        total += spin(400) + int(row["b"])
print(total)

with open("rows.csv", encoding="utf-8") as source:
    for a, b, c in itertools.islice(fields(source), 100, 2000):
        total += spin(400) + int(a) + len(c)
    print(total, sum(1 for _ in source))

with open("rows.csv", "rb") as source:
    for line in source:
        total += spin(400) + len(line)
    print(total, source.tell())

with open("copy.csv", encoding="utf-8") as source:
    for first, second in pairs(source):
        total += spin(400) + len(first) * len(second)
print(total)
