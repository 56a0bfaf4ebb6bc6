"""The order in which a decision tree is decided without a jump."""

from inkling.approx.reference.operations import DecisionTree


def post_order(tree: DecisionTree) -> list[int]:
    """Inner nodes that the root reaches, each after its children (so that few results wait at a time)."""
    found: list[int] = []
    seen: set[int] = set()
    waiting = [(0, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            found.append(node)
        elif tree.feature[node] >= 0 and node not in seen:
            seen.add(node)
            waiting += [(node, True), (int(tree.right[node]), False), (int(tree.left[node]), False)]
    return found
