"""A program: `inkling` with budgets cut to seconds and, as REHEARSAL says, one thing changed. Worker processes
import it again, so that what it changes at the top holds there too; nothing under test is replaced by a stand-in.
"""

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import hdl.c_kernel
import hdl.process
import inkling.run
import inkling.workers
import reports.mapping
import train.mlp
import train.sources
from approx.network import IntegerNetwork
from inkling.candidates import Candidate
from inkling.cli import main
from inkling.effort import EFFORTS
from train.dataset import Dataset, Development, Rows

REHEARSAL = os.environ.get("REHEARSAL", "").split(",")

# Limits in seconds are far away, so that the load of the machine does not decide what comes out.
EFFORTS["quick"] = replace(
    EFFORTS["quick"],
    restarts=2,
    training_s=600,
    networks=1,
    rounds=3,
    circuits=1,
    trees=(4,),
    vectors=20_000,
    cocotb_vectors=500,
    proof_s=200,
    mapping_s=600,
)
train.mlp.STEPS = 300

if "slow" not in REHEARSAL:
    full_plan = reports.mapping.plan

    def short_plan(*arguments: object, **options: object) -> object:
        plan = full_plan(*arguments, **options)
        return replace(plan, first=tuple(replace(one, mappers=one.mappers[:1]) for one in plan.first[:1]), rounds=0)

    reports.mapping.plan = short_plan

if "one-worker" in REHEARSAL:
    inkling.workers.cores = lambda: 1

if "no-tools" in REHEARSAL:

    def missing(*_: object, **__: object) -> None:
        raise hdl.process.ToolError("cc was not found; run `make` to install the pinned tools")

    inkling.run.run_each = missing

if "other-test-rows" in REHEARSAL:
    # All but the report sees other test rows, whose values and labels are noise; the report sees the table's own.
    load_table, make_report = train.sources.load, inkling.run.report_on
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

    train.sources.load, inkling.run.report_on = load, report

if "fault" in REHEARSAL:
    emit, all_networks = hdl.c_kernel.emit, inkling.run.networks

    def faulty(network: IntegerNetwork, *, name: str = "inkling", labels: Sequence[str] = ()) -> tuple[str, str]:
        source, header = emit(network, name=name, labels=labels)
        assert source.count(" > best ? ") >= 2
        return source.replace(" > best ? ", " < best ? "), header

    def one_network(development: Development, *arguments: object) -> tuple[Candidate, ...]:
        return all_networks(development, *arguments)[-1:]

    hdl.c_kernel.emit, inkling.run.networks = faulty, one_network
    inkling.run.circuits = lambda *_, **__: ()

if __name__ == "__main__":
    main()
