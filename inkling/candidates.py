"""Which networks a run designs, and which rivals it sets beside them. Only training and validation rows are seen."""

from collections.abc import Callable
from dataclasses import dataclass

from approx.network import IntegerNetwork
from inkling.effort import Effort
from train.dataset import Development
from train.score import accuracy

Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class Candidate:
    """A network with a name for its folder, how it was made, and the levels of the ladder that were used."""

    name: str
    method: str
    levels: tuple[int, ...]
    network: IntegerNetwork
    rival: bool = False


def networks(
    development: Development, effort: Effort, seed: int, progress: Progress | None = None
) -> tuple[Candidate, ...]:
    """The exact 8-bit network and the best power-of-two networks of several sizes."""
    from approx import quantise
    from train import mlp

    hidden = mlp.default_hidden(development)
    half = effort.training_s
    exact = mlp.train(
        development,
        hidden=hidden,
        restarts=effort.restarts,
        seed=seed,
        power_of_two=False,
        time_limit_s=half,
        progress=progress,
    )
    found = [
        Candidate("exact-8-bit", "exact 8-bit network", (1,), quantise.exact(exact[0], development)),
    ]
    population = mlp.train(
        development,
        hidden=hidden,
        restarts=effort.restarts,
        seed=seed + 1,
        power_of_two=True,
        time_limit_s=half,
        progress=progress,
    )
    # One representative of each trade: from the most accurate downwards, whoever is clearly smaller.
    size: float = float("inf")
    for trained in sorted(population, key=lambda item: (-item.validation_accuracy, item.size)):
        if trained.size < 0.85 * size and len(found) <= effort.networks:
            size = trained.size
            network = quantise.power_of_two(trained, development)
            found.append(Candidate(f"power-of-two-{len(found)}", "power-of-two network", (1, 2), network))
    return tuple(found)


def rivals(development: Development, effort: Effort) -> tuple[Candidate, ...]:
    """What a user would pick instead: decision trees of several sizes and a logistic regression."""
    from approx import quantise

    trees: list[Candidate] = []
    seen: set[int] = set()
    for leaves in effort.trees:
        network = quantise.tree(development, leaves)
        nodes = len(network.layers[0].feature)  # type: ignore[union-attr]
        if nodes not in seen:  # a small table stops the tree before it has as many leaves
            seen.add(nodes)
            trees.append(Candidate(f"tree-{(nodes + 1) // 2}", "decision tree", (), network, rival=True))
    logistic = Candidate("logistic", "logistic regression, 8-bit", (), quantise.logistic(development), rival=True)
    return (*trees, logistic)


def validation_accuracy(network: IntegerNetwork, development: Development) -> float:
    """Share of the validation rows that are right, 0..1."""
    rows = development.validation
    return accuracy(rows.labels, network.predict(rows.codes))
