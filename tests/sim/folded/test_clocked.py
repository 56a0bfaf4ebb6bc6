"""Folded circuits: the reference's labels in the model's clocks, through resets and restarts; faults are caught."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.folding import search
from inkling.approx.folding.plan import FoldPlan
from inkling.approx.programs.process import python
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.hdl.folded.texts import component, folded_ports, verilog
from inkling.sim.folded.clocked import simulate, verify


def network_of(
    seed: int = 0, inputs: int = 12, hidden: int = 3, classes: int = 4, powers: bool = True
) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    sizes = [0, 1, -1, 2, -4, 8] if powers else list(range(-20, 21))
    one = Dense(rng.choice(sizes, (hidden, inputs)), rng.integers(-20, 60, hidden))
    two = Dense(rng.choice(sizes, (classes, hidden)), rng.integers(-5, 6, classes))
    ports = tuple(Input("start" if k == 0 else f"x {k}", k, 1 + k % 4) for k in range(inputs))
    return IntegerNetwork(ports, (one, ClippedReLU((1, 3, 2)[:hidden], (4, 3, 7)[:hidden]), two, ArgMax()), classes)


def draw(network: IntegerNetwork, count: int, seed: int = 1) -> np.ndarray:
    top = np.array([2**item.bits for item in network.inputs])
    return np.random.default_rng(seed).integers(0, top, (count, len(top))).astype(np.uint8)


def plans(network: IntegerNetwork) -> list[FoldPlan]:
    names = folded_ports(network)
    return [search.plan(network, schedule, names) for schedule in search.search(network, most_clocks=10**6)]


@pytest.mark.parametrize("powers", [True, False])
def test_every_schedule_has_the_references_labels_in_the_models_clocks(powers: bool) -> None:
    network = network_of(powers=powers)
    vectors = draw(network, 12)
    assert len(np.unique(network.evaluate(vectors))) > 1
    found = plans(network)
    assert {plan.passes for plan in found} == {1, 2, 3} and {plan.multiplier for plan in found} == {not powers, False}
    for plan in found:
        verdict = simulate(plan, network, vectors)
        assert verdict.passed and verdict.vectors == 12, verdict.detail


@pytest.mark.parametrize(
    ("hidden", "classes", "inputs"), [(1, 2, 1), (2, 9, 3)], ids=["least", "a class takes longer than a pass"]
)
def test_small_shapes(hidden: int, classes: int, inputs: int) -> None:
    network = network_of(5, inputs, hidden, classes, powers=False)
    for plan in plans(network):
        verdict = simulate(plan, network, draw(network, 8))
        assert verdict.passed, verdict.detail


def test_verilated_in_bulk_through_resets_and_starts_and_with_random_registers(tmp_path: Path) -> None:
    network = network_of()
    plan = plans(network)[0]
    text = verilog(plan)
    assert text == verilog(plan) and "initial" not in text
    passed = verify(text, network, plan.clocks, draw(network, 20_000), disturb=3, keep=tmp_path)
    assert passed.passed and passed.vectors == 20_000, passed.detail
    assert min(passed.extra[name] for name in ("resets", "restarts", "back_to_back")) > 1000
    for seed in range(2, 12):
        again = verify(text, network, plan.clocks, draw(network, 50), seed=seed, keep=tmp_path, reuse=True)
        assert again.passed, again.detail


def test_planted_faults_are_caught(tmp_path: Path) -> None:
    network = network_of()
    plan = plans(network)[0]
    table = plan.lanes[0][0]
    place = table.index("1")
    turned = table[:place] + "0" + table[place + 1 :]
    other = replace(plan, lanes=((turned, *plan.lanes[0][1:]), *plan.lanes[1:]))
    vectors = draw(network, 2000)
    weight = verify(verilog(other), network, plan.clocks, vectors, keep=tmp_path)
    assert weight.mismatches and weight.counter_example is not None and "wrong labels" in weight.detail
    # Seen in the simulator as well.
    row = np.array(list(weight.counter_example.values())[: vectors.shape[1]], np.uint8)
    assert simulate(other, network, row[None]).mismatches == 1
    late = verify(verilog(plan), network, plan.clocks + 1, vectors, keep=tmp_path)
    assert "the model says" in late.detail and late.mismatches == 1
    # A reset that is tied off.
    text = verilog(plan)
    deaf = (
        text.replace("(rst", "(1'h0").replace("| rst", "| 1'h0").replace("= rst", "= 1'h0").replace("~rst", "~1'h0")
    )
    assert deaf != text
    lost = verify(deaf, network, plan.clocks, vectors, disturb=3, keep=tmp_path)
    assert "after a reset" in lost.detail, lost.detail


def test_the_emitted_component_stands_alone(tmp_path: Path) -> None:
    plan = plans(network_of())[0]
    (tmp_path / "component.py").write_text(component(plan, class_names=("a", "b", "c", "d")))
    script = "import runpy, sys; sys.modules['approx'] = sys.modules['hdl'] = None; "
    script += "top = runpy.run_path('component.py')['Top'](); print(top.plan.clocks, sorted(top.signature.members))"
    told = python(script, time_limit_s=60, cwd=tmp_path).stdout
    assert told.startswith(f"{plan.clocks} ['col_start', ") and told.endswith("'done', 'label', 'start']\n"), told
