"""A tree as bytes in flash and a loop that walks them: about three and a half bytes a leaf.

A node is its feature, its threshold, and then its first child in place; what the first child takes stands before it
where it is no leaf. First is the child with fewer bytes, a flag of the feature's byte says which it is. A leaf is one
byte, 128 and its label, so that no node needs to say what follows it.
"""

from inkling.approx.reference.operations import DecisionTree

MOST_FEATURES, MOST_THRESHOLD, MOST_LABEL = 64, 255, 127
LEAF, GREATER_FIRST = 0x80, 0x40
# A skip's first byte must not look like a leaf.
SHORT_SKIP, LONG_SKIP = 0x7F, 0x7FFF


def packs(tree: DecisionTree) -> bool:
    """Whether every feature, threshold and label of a tree fits its byte and no subtree is too long to skip."""
    inner = tree.feature >= 0
    fits = not inner.any() or bool(
        tree.feature[inner].max() < MOST_FEATURES
        and tree.threshold[inner].min() >= 0
        and tree.threshold[inner].max() <= MOST_THRESHOLD
    )
    return fits and int(tree.label.max(initial=0)) <= MOST_LABEL and 4 * len(tree.feature) <= LONG_SKIP


def pack(tree: DecisionTree) -> tuple[list[int], int]:
    """The bytes of a tree, and how many of them a skip takes, 1 or 2."""
    short = _stream(tree, 1)
    return (short, 1) if short is not None else (_stream(tree, 2) or [], 2)


def _stream(tree: DecisionTree, skip_bytes: int) -> list[int] | None:
    """Children before their parents, without recursion; None where a skip does not fit."""
    made: dict[int, list[int]] = {}
    waiting = [0]
    while waiting:
        node = waiting[-1]
        children = (int(tree.left[node]), int(tree.right[node]))
        if tree.feature[node] < 0:
            made[node] = [LEAF | int(tree.label[node])]
        elif missing := [child for child in children if child not in made]:
            waiting += missing
            continue
        else:
            left, right = made.pop(children[0]), made.pop(children[1])
            first, second = (right, left) if len(right) < len(left) else (left, right)
            head = int(tree.feature[node]) | (GREATER_FIRST if first is right else 0)
            if len(first) > (SHORT_SKIP if skip_bytes == 1 else LONG_SKIP):
                return None
            skip = [] if len(first) == 1 else list(len(first).to_bytes(skip_bytes, "big"))
            made[node] = [head, int(tree.threshold[node]), *skip, *first, *second]
        waiting.pop()
    return made[0]


def body(tree: DecisionTree) -> tuple[list[str], list[str]]:
    """Tables, at file level, and the statements that read `features` and return a label."""
    stream, skip_bytes = pack(tree)
    table = f"static const uint8_t tree[{len(stream)}] FLASH = {{{', '.join(map(str, stream))}}};"
    skip = "skip" if skip_bytes == 1 else "((uint_fast16_t)skip << 8) + LOADU8(at + 1)"
    # A tree of one leaf leaves no loop and reads nothing.
    unread = ["(void)features;"] if len(stream) == 1 else []
    return [table], [
        *unread,
        "const uint8_t *at = tree;",
        "uint_fast8_t head;",
        f"while ((head = LOADU8(at)) < {LEAF}u) {{",
        f"    uint_fast8_t second = features[head & {MOST_FEATURES - 1}u] > LOADU8(at + 1);",
        f"    if (head & {GREATER_FIRST}u) second = !second;",
        "    at += 2;",
        "    const uint_fast8_t skip = LOADU8(at);",
        f"    if (skip < {LEAF}u) at += second ? {skip} + {skip_bytes}u : {skip_bytes}u;",
        "    else at += second;",
        "}",
        f"return (uint8_t)(head & {MOST_LABEL}u);",
    ]
