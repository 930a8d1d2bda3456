"""pandas: frames that grow and change, with indexes, categories, dates and missing values."""
import sys

import numpy
import pandas
from resume import Checkpoint


def collect(days):
    chp = Checkpoint("frames", rate=0.005)
    rng = numpy.random.default_rng(11)
    frame = pandas.DataFrame({
        "day": pandas.Series([], dtype="datetime64[ns, Europe/Berlin]"),
        "kind": pandas.Categorical([], categories=["a", "b", "c"], ordered=True),
        "value": pandas.Series([], dtype=float),
        "count": pandas.Series([], dtype="Int64"),
        "note": pandas.Series([], dtype=object),
    })
    totals = pandas.Series(dtype=float)
    summary = None
    chp.restore()
    for day in chp.loop(range(days)):
        kind = "abc"[int(rng.integers(3))]
        row = pandas.DataFrame({
            "day": pandas.Series([pandas.Timestamp("2026-01-01", tz="Europe/Berlin")
                                  + pandas.Timedelta(days=day)]),
            "kind": pandas.Categorical([kind], categories=["a", "b", "c"], ordered=True),
            "value": [rng.normal()],
            "count": pandas.array([None if day % 5 == 0 else day], dtype="Int64"),
            "note": [None if day % 3 else f"day {day}"],
        })
        frame = row if frame.empty else pandas.concat([frame, row], ignore_index=True)
        totals[f"{kind}{day % 7}"] = totals.get(f"{kind}{day % 7}", 0) + row["value"][0]
        summary = frame.set_index(["kind", "day"]).groupby(level=0, observed=True)[["value"]].agg(
            ["mean", "count"])
        chp.sync()
    return frame, totals, summary


frame, totals, summary = collect(int(sys.argv[1]))
frame.info(buf=sys.stdout, memory_usage=False)
print(frame.to_csv(), totals.to_dict(), summary.to_csv())
