"""polars and pyarrow: frames, lazy frames, tables and schemas."""
import random
import sys

import polars
import pyarrow
from resume import Checkpoint


def collect(steps):
    chp = Checkpoint("arrow", rate=0.005)
    random.seed(1)
    frame = polars.DataFrame(schema={"step": polars.Int32, "name": polars.String,
                                     "parts": polars.List(polars.Float64)})
    schema = pyarrow.schema([("step", pyarrow.int16()), ("text", pyarrow.string())],
                            metadata={"made": "here"})
    table = pyarrow.Table.from_pylist([], schema=schema)
    totals = polars.Series("totals", [], dtype=polars.Float64)
    chp.restore()
    for step in chp.loop(range(steps)):
        row = polars.DataFrame({"step": [step], "name": [None if step % 4 == 0 else f"n{step}"],
                                "parts": [[random.random() for _ in range(step % 3)]]},
                               schema=frame.schema)
        frame = frame.vstack(row)
        totals.append(polars.Series([random.random()]))
        table = pyarrow.concat_tables(
            [table, pyarrow.Table.from_pylist([{"step": step, "text": "x" * (step % 9)}],
                                              schema=schema)])
        chp.sync()
    return frame, totals, table


frame, totals, table = collect(int(sys.argv[1]))
print(frame.write_json(), totals.to_list(), frame.schema)
print(table.to_pylist(), table.schema)
