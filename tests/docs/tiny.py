"""`inkling` with small budgets, for the commands of the documents: quick has those of trial, and fields
train on batches of 1,024 and are measured on 4,000 rays.
"""

import runpy
import sys
from pathlib import Path

import inkling.fields.learn
import inkling.fields.run
from inkling.runs.effort import EFFORTS

EFFORTS["quick"] = EFFORTS["trial"]
inkling.fields.run.EFFORTS["quick"] = inkling.fields.run.EFFORTS["trial"]
inkling.fields.learn.RAYS, inkling.fields.learn.SAMPLES = 4_000, 1_024

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))
    runpy.run_path(str(Path(__file__).parents[1] / "end_to_end" / "tiny_run.py"), run_name="__main__")
else:  # worker processes import this module again, and need the same budgets
    runpy.run_path(str(Path(__file__).parents[1] / "end_to_end" / "tiny_run.py"), run_name="tiny_run")
