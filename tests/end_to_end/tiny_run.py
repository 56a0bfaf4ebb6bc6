"""A program: `inkling` with, as REHEARSAL says, one thing changed. Worker processes
import it again, so that what it changes at the top holds there too; nothing under test is replaced by a stand-in.
"""

import os
from dataclasses import replace
from typing import Any

import numpy as np

import inkling.hdl.kernels.c_kernel
import inkling.hdl.mapping.search
import inkling.runs.choice
import inkling.runs.node
import inkling.runs.run
import inkling.runs.workers
import inkling.train.networks.training
import inkling.train.tables.sources
from inkling.approx.reference.network import IntegerNetwork
from inkling.cli.main import main
from inkling.hdl.mapping.recipes import plan
from inkling.train.tables.dataset import Dataset, Rows

REHEARSAL = os.environ.get("REHEARSAL", "").split(",")

if "slow" in REHEARSAL:
    inkling.hdl.mapping.search.plan = lambda gates, effort: plan(gates, "quick")

if "one-worker" in REHEARSAL:
    inkling.runs.workers.cores = lambda: 1

if "no-tools" in REHEARSAL:
    os.environ["PATH"] = "/nowhere"

if "no-training" in REHEARSAL:

    def never(*_: object, **__: object) -> None:
        raise AssertionError("what was trained and searched before is not done again")

    inkling.train.networks.training.train = inkling.runs.choice.circuits = never
    inkling.runs.node.circuits = never

if "other-test-rows" in REHEARSAL:
    # All but the report sees other test rows, whose values and labels are noise; the report sees the table's own.
    load_table, make_report = inkling.train.tables.sources.load, inkling.runs.run.report_on
    table: list[Dataset] = []

    def load(*arguments: object, **options: object) -> Dataset:
        table.append(load_table(*arguments, **options))
        (dataset,), generator = table, np.random.default_rng(1)
        top = np.array([2**bits for bits in dataset.development.input_bits])
        codes = generator.integers(0, top, dataset.test.codes.shape).astype(np.uint8)
        labels = generator.integers(0, len(dataset.classes), dataset.test.labels.shape)
        return replace(dataset, test=Rows(codes, labels))

    def report(request: object, dataset: Dataset, *rest: object) -> object:
        assert (dataset.test.labels != table[0].test.labels).any()
        return make_report(request, table[0], *rest)

    inkling.train.tables.sources.load, inkling.runs.run.report_on = load, report

if "fault" in REHEARSAL:
    emit = inkling.hdl.kernels.c_kernel.emit

    def faulty(network: IntegerNetwork, **options: Any) -> tuple[str, str]:
        source, header = emit(network, **options)
        assert source.count(" > best ? ") >= 2
        return source.replace(" > best ? ", " < best ? "), header

    inkling.hdl.kernels.c_kernel.emit = faulty
    inkling.runs.choice.circuits = inkling.runs.node.circuits = lambda *_, **__: ()

if __name__ == "__main__":
    main()
