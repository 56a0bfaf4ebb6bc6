"""Bytes of flash and instructions an answer on a Cortex-M0, beside emlearn's and m2cgen's C of models as accurate.

    python tests/benchmarks/bench_mcu.py [--sets cardio,pendigits,redwine,wine,digits] [--splits 5]

Needs emlearn and m2cgen (the extra `bench`), arm-none-eabi-gcc and qemu-system-arm. All learn from the same rows, the
training and validation rows of each split, as codes of 8 bits; accuracy is of the test rows. For every rival the
smallest of Inkling's kernels is taken whose mean accuracy over the splits is at least the rival's: of about 40 kinds,
which flatters a little. Everything is compiled by the same flags (-Os), called through the same bench from the same
numbers of 8 bits (ours by its entry for counts), and checked against the model's own answers.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emlearn
import m2cgen
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from inkling.approx.quantise import networks
from inkling.approx.quantise.teacher import joined
from inkling.approx.reference.network import IntegerNetwork
from inkling.designs.microcontroller_search import candidates
from inkling.hdl.microcontrollers.kernel import Reading as Input
from inkling.hdl.microcontrollers.kernel import columns_of, emit, forms
from inkling.hdl.microcontrollers.readings import Scale
from inkling.runs.effort import EFFORTS
from inkling.sim.microcontrollers.targets import Entry, answers, build, target_of
from inkling.train.files import atomic
from inkling.train.tables.dataset import Dataset, Rows
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

np.seterr(all="warn", under="ignore")  # a rival turns numpy's warnings into errors when it is imported
TARGET = "cortex-m0"
MOST_ROWS = 400
LIMITS = (30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 400, 500, 700, 1000, 1500)
Figures = dict[str, float]


def rows_of(dataset: Dataset) -> Rows:
    """What everybody learns from."""
    return joined(dataset.development).train


def measured(
    source: str,
    header: str,
    kind: str,
    codes: np.ndarray,
    expected: np.ndarray,
    accuracy: float,
    call: str = "rival_classify",
) -> Figures:
    """Compile, run on the first test rows, compare with the model's own answers."""
    entry = Entry(call, kind, codes.shape[1])
    with tempfile.TemporaryDirectory() as place:
        built = build(Path(place), source, header, entry, target_of(TARGET), warnings=())
        found = answers(built, codes[:MOST_ROWS], entry)
    agreed = float((found.labels == expected[:MOST_ROWS]).mean())
    figures = {"flash": built.flash, "ram": built.ram, "stack": built.stack, "each": found.each}
    return {"accuracy": accuracy, "agreement": agreed, **figures}


def header(kind: str) -> str:
    return f"#include <stdint.h>\nuint8_t rival_classify(const {kind} *row);\n"


# What a linker takes from the C library, as small as it gets.
_LIBRARY = """
void *memcpy(void *to, const void *from, __SIZE_TYPE__ size)
{ for (__SIZE_TYPE__ k = 0; k < size; k++) ((volatile char *)to)[k] = ((const char *)from)[k]; return to; }
void *memset(void *to, int value, __SIZE_TYPE__ size)
{ for (__SIZE_TYPE__ k = 0; k < size; k++) ((volatile char *)to)[k] = (char)value; return to; }
"""


def of_emlearn(model: Any, dataset: Dataset) -> Figures:
    """The inline C of a tree or forest on int16 features."""
    text = emlearn.convert(model, method="inline", dtype="int16_t").save(name="em", format="c")
    features = dataset.test.codes.shape[1]
    call = f"uint8_t rival_classify(const int16_t *row) {{ return (uint8_t)em_predict(row, {features}); }}\n"
    source = f'#include "kernel_mcu.h"\n{text}\n{call}{_LIBRARY}'
    labels = model.predict(dataset.test.codes)
    accuracy = float((labels == dataset.test.labels).mean())
    return measured(source, header("int16_t"), "int16_t", dataset.test.codes.astype(np.int16), labels, accuracy)


def of_m2cgen(model: Any, dataset: Dataset) -> Figures:
    """Its C in double, with the largest score taken after it."""
    text = m2cgen.export_to_c(model).replace("#include <string.h>", "#include <stddef.h>\nvoid *memcpy();")
    classes, features = len(model.classes_), dataset.test.codes.shape[1]
    call = f"""uint8_t rival_classify(const uint8_t *row) {{
    double in[{features}], out[{classes}]; uint8_t best = 0;
    for (int k = 0; k < {features}; k++) in[k] = row[k];
    score(in, out);
    for (uint8_t k = 1; k < {classes}; k++) if (out[k] > out[best]) best = k;
    return best; }}
"""
    source = f'#include "kernel_mcu.h"\nvoid *memcpy(void *, const void *, __SIZE_TYPE__);\n{text}{call}{_LIBRARY}'
    source = source.replace("void *memcpy();", "")
    labels = model.predict(dataset.test.codes)
    accuracy = float((labels == dataset.test.labels).mean())
    return measured(source, header("uint8_t"), "uint8_t", dataset.test.codes, labels, accuracy)


def fitted(model: Any, dataset: Dataset) -> Any:
    rows = rows_of(dataset)
    return model.fit(rows.codes.astype(np.int16), rows.labels)


RIVALS: dict[str, Callable[[Dataset], Figures]] = {
    **{
        f"emlearn tree, {leaves} leaves": lambda d, leaves=leaves: of_emlearn(
            fitted(DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0), d), d
        )
        for leaves in (8, 32, 128)
    },
    "emlearn forest, 10 trees": lambda d: of_emlearn(
        fitted(RandomForestClassifier(10, max_leaf_nodes=32, random_state=0), d), d
    ),
    "m2cgen tree, 32 leaves": lambda d: of_m2cgen(
        fitted(DecisionTreeClassifier(max_leaf_nodes=32, random_state=0), d), d
    ),
    "m2cgen logistic regression": lambda d: of_m2cgen(fitted(LogisticRegression(max_iter=2000), d), d),
}


def ours(name: str, seed: int, rows: Dataset) -> dict[str, Figures]:
    """What is tried, by what it is: trees, logistic regression, an exact network, and circuits by a limit of bytes.

    rows: the table as the rivals see it, whose codes are the counts here.
    """
    found = {}
    for bits in (4, 8):
        dataset = load(Reading(name, bits=bits, seed=seed))
        development = joined(dataset.development)
        for leaves in (4, 6, 8, 12, 16, 24, 32, 64, 128):
            tree = networks.tree(development, leaves, seed=0)
            found[f"tree, {leaves} leaves, {bits} bits"] = own_figures(tree, dataset, rows)
    dataset = load(Reading(name, bits=6, seed=seed))
    models = candidates(dataset.development, EFFORTS["quick"], seed, refit=True)
    circuits = []
    for model in models:
        if model.method == "gates":
            circuits.append(own_figures(model.network, dataset, rows))
        elif not model.name.startswith("tree"):
            found[f"{model.method}, 6 bits"] = own_figures(model.network, dataset, rows)
    # The search's front is in order of what it was scored by: the last within a limit is the best one there.
    for limit in LIMITS:
        within = [figures for figures in circuits if figures["flash"] <= limit]
        if within:
            found[f"circuit of at most {limit} bytes"] = within[-1]
    return found


def own_figures(network: IntegerNetwork, dataset: Dataset, rows: Dataset) -> Figures:
    """The smallest form of a network, from counts of 8 bits."""
    readings = [
        Input(
            dataset.columns[item.column],
            dataset.quantisers[item.column],
            Scale(8, rows.quantisers[item.column].low, rows.quantisers[item.column].high),
        )
        for item in network.inputs
    ]
    columns = list(columns_of(network))
    codes = np.stack([reading.scale.codes(reading.quantiser) for reading in readings])
    counts = rows.test.codes[:, columns]
    entering = np.stack(
        [item.values(codes[k][counts[:, columns.index(item.column)]]) for k, item in enumerate(network.inputs)],
        axis=1,
    )
    expected = network.evaluate(entering)
    accuracy = float((expected == rows.test.labels).mean())
    tried = []
    for form in forms(network):
        source, head = emit(network, name="rival", form=form, readings=readings)
        tried.append(measured(source, head, "uint16_t", counts.astype(np.uint16), expected, accuracy, "rival_read"))
    return min(tried, key=lambda figures: figures["flash"])


def means(runs: list[dict[str, Figures]]) -> dict[str, Figures]:
    """Over the splits, with the sample deviation of the accuracy."""
    found = {}
    for label in runs[0]:
        of = [run[label] for run in runs if label in run]
        if len(of) < len(runs):
            continue
        found[label] = {key: float(np.mean([figures[key] for figures in of])) for key in of[0]}
        found[label]["deviation"] = float(np.std([figures["accuracy"] for figures in of], ddof=min(1, len(of) - 1)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="cardio,pendigits,redwine,wine,digits")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "mcu.json")
    options = parser.parse_args()
    document: dict[str, Any] = {
        "target": TARGET,
        "machine": platform.processor(),
        "splits": options.splits,
        "sets": {},
    }
    for name in options.sets.split(","):
        rival_runs, own_runs = [], []
        for seed in range(options.splits):
            dataset = load(Reading(name, bits=8, seed=seed))
            rival_runs.append({label: run(dataset) for label, run in RIVALS.items()})
            own_runs.append(ours(name, seed, dataset))
        rivals, own = means(rival_runs), means(own_runs)
        document["sets"][name] = {"rivals": rivals, "ours": own}
        print(name)
        for label, rival in rivals.items():
            fit = {key: value for key, value in own.items() if value["accuracy"] >= rival["accuracy"]}
            line = f"  {label:<28}{100 * rival['accuracy']:5.1f} % {rival['flash']:7.0f} B {rival['each']:8.0f}"
            if fit:
                best = min(fit, key=lambda key: fit[key]["flash"])
                ratio, speed = fit[best]["flash"] / rival["flash"], fit[best]["each"] / rival["each"]
                line += f"   {best}: {100 * fit[best]['accuracy']:.1f} % {fit[best]['flash']:.0f} B, "
                line += f"{ratio:.2f} of the flash, {speed:.2f} of the instructions"
            print(line)
        atomic.write(options.out, (json.dumps(document, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
