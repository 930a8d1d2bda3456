"""A command with argparse and logging that reads one CSV file and writes another, and a summary."""
import argparse
import collections
import csv
import json
import logging
import random

log = logging.getLogger("report")


def make(path, rows, seed):
    rng = random.Random(seed)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["day", "shop", "amount"])
        writer.writeheader()
        for row in range(rows):
            writer.writerow({"day": row % 28 + 1, "shop": rng.choice("ABCDE"),
                             "amount": f"{rng.lognormvariate(3, 1):.2f}"})


def digits(amount):
    total = 0
    for character in amount * 6:
        if character.isdigit():
            total = (total * 7 + int(character)) % 10007
    return total


def summarise(source, target):
    sums = collections.defaultdict(float)
    with open(source, newline="") as file, open(target, "w", newline="") as output:
        writer = csv.writer(output, delimiter=";")
        for number, row in enumerate(csv.DictReader(file)):
            sums[row["shop"], int(row["day"]) // 7] += float(row["amount"])
            total = sums[row["shop"], 0]
            writer.writerow([number, row["shop"], digits(row["amount"]), f"{total:.2f}"])
            if number % 4000 == 0:
                log.info("row %d", number)
    return sums


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("-v", "--verbose", action="count", default=0)
    parser.add_argument("output")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING,
                        format="%(levelname)s %(name)s: %(message)s")
    make("sales.csv", options.rows, 5)
    sums = summarise("sales.csv", options.output)
    with open("summary.json", "w") as file:
        json.dump({f"{shop}{week}": round(value, 2)
                   for (shop, week), value in sorted(sums.items())}, file, indent=1)
    print(len(sums), "groups,", round(sum(sums.values()), 2))


if __name__ == "__main__":
    main()
