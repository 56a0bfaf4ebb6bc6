"""`inkling` with small budgets, for the commands of the documents: what is replaced is all named here and in
tests/end_to_end/tiny_run.py, which cuts restarts, rounds, mapping recipes and vectors of a run; fields
train 40 steps on batches of 1,024 and are measured on 4,000 rays.
"""

import runpy
import sys
from pathlib import Path

import inkling.fields.learn
import inkling.fields.run

inkling.fields.run.EFFORTS["quick"] = (40, 2_000)
inkling.fields.learn.RAYS, inkling.fields.learn.SAMPLES = 4_000, 1_024

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))
    runpy.run_path(str(Path(__file__).parents[1] / "end_to_end" / "tiny_run.py"), run_name="__main__")
else:  # worker processes import this module again, and need the same budgets
    runpy.run_path(str(Path(__file__).parents[1] / "end_to_end" / "tiny_run.py"), run_name="tiny_run")
