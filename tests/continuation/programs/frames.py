"""A loop over pandas: rows, groups, a growing list of records, a CSV file."""
import numpy as np
import pandas as pd

rng = np.random.default_rng(3)
frame = pd.DataFrame({"key": rng.integers(0, 20, 600), "x": rng.normal(size=600)})
records = []
for round_number in range(4):
    for key, group in frame.groupby("key"):
        slope = 0.0
        for row in group.itertuples():
            slope = 0.9 * slope + row.x * (row.Index % 7)
        records.append({"round": round_number, "key": key, "slope": slope, "mean": group.x.mean()})
    frame["x"] = frame.x.rolling(3, min_periods=1).mean() + rng.normal(scale=0.1, size=len(frame))
    print(round_number, f"{frame.x.sum():.9f}")
result = pd.DataFrame(records)
result.to_csv("result.csv", index=False)
print(result.pivot_table(index="key", values="slope", aggfunc="sum").round(6).to_string())
