"""`inkling predict`: the class of every row of a table by one design, from its files alone.

Readings become codes by design.json, and the integer network answers; no emitted text is run.
"""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

from inkling.designs.rows import answers, design_rows
from inkling.sim.designs.folder import read
from inkling.train.errors import InputError
from inkling.train.files import atomic


def predict(folder: Path, source: str, *, data: Path | None, out: Path | None, as_json: bool) -> None:
    """Print a column of classes as CSV, or write it into a file; of a regression the scaled outputs.

    Where the table has a column of the design's classes, the share of equal ones goes to standard error. Raises
    InputError.
    """
    design = read(folder)
    codes, labels = design_rows(design, source, data_folder=data)
    found = answers(design, codes)
    names: list[str] = ["prediction"]
    rows: list[list[Any]] = [[text] for text in found.tolist()]
    if not design.network.is_classifier:
        names, rows = _scaled(design.described.get("outputs"), found.tolist(), folder)
    stream = io.StringIO()
    if as_json:
        values = [row[0] for row in rows] if len(names) == 1 else rows
        stream.write(json.dumps({"columns": names, "predictions": values}, indent=1, ensure_ascii=False) + "\n")
    else:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    if out is None:
        sys.stdout.write(stream.getvalue())
    else:
        try:
            atomic.write(out, stream.getvalue().encode())
        except OSError as error:
            raise InputError(f"--out {out} cannot be written ({error.strerror}); name another file") from error
    if labels is not None:
        right = sum(design.classes[label] == row[0] for label, row in zip(labels.tolist(), rows, strict=True))
        print(f"{right} of {len(rows)} rows as the table says ({right / len(rows):.1%})", file=sys.stderr)


def _scaled(outputs: object, scores: list[list[int]], folder: Path) -> tuple[list[str], list[list[Any]]]:
    """Names of the outputs, and scores as the values that they stand for. Raises InputError."""
    described = outputs if isinstance(outputs, list) else []
    found = [
        (item.get("name"), item.get("scale"), item.get("offset")) if isinstance(item, dict) else (None, None, None)
        for item in described
    ]
    if len(found) != len(scores[0]) or not all(
        isinstance(name, str) and isinstance(scale, int | float) and isinstance(offset, int | float)
        for name, scale, offset in found
    ):
        raise InputError(f"design.json of {folder.name} does not tell name, scale and offset of every output")
    rows = [
        [score * scale + offset for score, (_, scale, offset) in zip(row, found, strict=True)]  # type: ignore[operator]
        for row in scores
    ]
    return [str(name) for name, _, _ in found], rows
