"""Comparing what a route found with the reference: the number of mismatches and the first counter-example.

How a route finds its outputs lives in the route's own module.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.hdl.names import port_names
from inkling.sim.verdicts.verdict import Verdict


def counter_example(
    network: IntegerNetwork, values: NDArray[np.uint8], expected: int, found: int, output: str = "label"
) -> dict[str, int]:
    """Feature values, uint8 [inputs], by port name; the two last keys hold a space, so no port is named like them."""
    named = dict(zip(port_names([item.name for item in network.inputs]), (int(v) for v in values), strict=True))
    return {**named, f"expected {output}": expected, f"found {output}": found}


def mismatches(
    network: IntegerNetwork,
    values: NDArray[np.uint8],
    expected: NDArray[np.integer],
    found: NDArray[np.integer],
) -> tuple[int, dict[str, int] | None]:
    """How many of the labels, int [n], or rows of scores, int [n, outputs], differ, and the first counter-example."""
    wide, other = expected.reshape(len(values), -1), found.reshape(len(values), -1)
    rows = np.flatnonzero((wide != other).any(axis=1))
    if not len(rows):
        return 0, None
    row = int(rows[0])
    output = int((wide[row] != other[row]).argmax())
    name = "label" if network.is_classifier else f"score_{output}"
    example = counter_example(network, values[row], int(wide[row, output]), int(other[row, output]), name)
    return len(rows), example


def compare(
    network: IntegerNetwork,
    values: NDArray[np.uint8],
    expected: NDArray[np.integer],
    found: NDArray[np.integer],
    *,
    route: str,
    subject: str,
    seconds: float,
    exhaustive: bool = False,
    extra: dict[str, float] | None = None,
) -> Verdict:
    """The verdict on labels, int [n], or scores, int [n, outputs], found for values, uint8 [n, inputs].

    Raises ValueError where the shapes differ or nothing was compared: an empty comparison is not a passed one.
    """
    if expected.shape != found.shape or len(expected) != len(values) or len(values) == 0:
        raise ValueError(f"cannot compare {list(found.shape)} with {list(expected.shape)} for {len(values)} vectors")
    wrong, example = mismatches(network, values, expected, found)
    proven = exhaustive and not wrong
    return Verdict(
        route=route,
        subject=subject,
        reference="network.json",
        vectors=len(values),
        mismatches=wrong,
        seconds=seconds,
        counter_example=example,
        proven=proven,
        detail="every value of the inputs was tried" if proven else "",
        extra=extra or {},
    )


REFERENCE = "IntegerNetwork.evaluate"


def check_vectors(inputs: Sequence[Input], vectors: NDArray[np.uint8]) -> None:
    """Raises ValueError where `vectors` are not what may enter a network with these inputs."""
    if vectors.dtype != np.uint8 or vectors.ndim != 2 or vectors.shape[1] != len(inputs):
        raise ValueError(f"vectors must be uint8 [rows, {len(inputs)}], not {vectors.dtype} {vectors.shape}")
    if len(vectors) and (vectors.max(axis=0) > [2**item.bits - 1 for item in inputs]).any():
        raise ValueError("a vector holds a value that is beyond the bits of its input")


def failed(route: str, subject: str, vectors: NDArray[np.uint8], why: str) -> Verdict:
    """The verdict on what could not be run at all: every vector counts as wrong."""
    return Verdict(route, subject, REFERENCE, len(vectors), max(len(vectors), 1), 0.0, detail=" ".join(why.split()))


def plain(error: Exception, folder: Path) -> str:
    """An error without the name of the temporary folder, so that equal runs give equal texts."""
    return str(error).replace(f"{folder}/", "")
