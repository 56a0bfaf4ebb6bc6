"""Sharing greedily: the inner loops of `inkling.approx.matrices.search`, compiled by numba, which importing this
module imports.

What is shared and why is told there; what two coefficients can share is tabulated in
`inkling.approx.matrices.tables`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkling.approx.matrices.tables import HALF_PER_COLUMN, SHIFTS, Choices, Gains
from inkling.approx.programs.compiled import compiled
from inkling.approx.reference.operations import Ints

# Candidates that are tried on all rows, of each kind.
TRIES = 6
# Places of single digits in one row that are looked at, and the largest multiple of a word that is tried.
PLACES, MULTIPLES = 4096, 16
# How often a row may use one shared sum.
REPEATS = 3


class Sums(NamedTuple):
    """What is being filled: coefficients of rows over words, and what is known of the words that there are so far.

    rows: [outputs + shared, inputs + shared]; words: [words, inputs], each as a combination of inputs; depends:
    [word, word] where the first is made of the second; bits: of each word's range. digits: of every number that may
    turn up; limit: of a coefficient.
    """

    rows: Ints
    words: Ints
    depends: NDArray[np.bool_]
    bits: Ints
    spans: Ints
    digits: Ints
    outputs: int
    inputs: int
    limit: int


@compiled
def length(span: int) -> int:
    """Bits of a number."""
    bits = 0
    while span > 0:
        span >>= 1
        bits += 1
    return bits


@compiled
def best_fit(sums: Sums, row: Ints, pattern: Ints, support: Ints, width: int) -> tuple[int, int, int]:
    """Bits saved by taking the pattern out of the row once, with the best shift and the best sign, and these two."""
    best, best_shift, best_sign = 0, 0, 1
    for shift in range(SHIFTS):
        for sign in (1, -1):
            saved = -width
            for i in support:
                left = abs(row[i] - sign * (pattern[i] << shift))
                if left > sums.limit:
                    saved = -1
                    break
                saved += sums.bits[i] * (sums.digits[abs(row[i])] - sums.digits[left])
            if saved > best:
                best, best_shift, best_sign = saved, shift, sign
    return best, best_shift, best_sign


@compiled
def barred(sums: Sums, row: int, support: Ints) -> bool:
    """Whether the row defines a shared sum that a word of the support is made of."""
    if row >= sums.outputs:
        for i in support:
            if sums.depends[i, sums.inputs + row - sums.outputs]:
                return True
    return False


@compiled
def worth(sums: Sums, used: int, pattern: Ints) -> tuple[float, int]:
    """Full adders saved by sharing the pattern wherever it fits, and its width."""
    support = np.flatnonzero(pattern[:used])
    span = 0
    for k in range(sums.inputs):
        value = 0
        for i in support:
            value += pattern[i] * sums.words[i, k]
        span += abs(value) * sums.spans[k]
    width = length(span)
    total = (1 - HALF_PER_COLUMN) * width
    for i in support:
        total -= sums.bits[i] * sums.digits[abs(pattern[i])]
    row = np.empty(used, np.int64)
    for r in range(sums.outputs + used - sums.inputs):
        touched = False
        for i in support:
            touched |= sums.rows[r, i] != 0
        if not touched or barred(sums, r, support):
            continue
        row[:] = sums.rows[r, :used]
        for _ in range(REPEATS):
            saved, shift, sign = best_fit(sums, row, pattern, support, width)
            if saved <= 0:
                break
            total += saved
            for i in support:
                row[i] -= sign * (pattern[i] << shift)
    return total, width


@compiled
def normal(pattern: Ints) -> bool:
    """Divide by the common power of two; False if nothing is there to share."""
    terms = 0
    together = 0
    for value in pattern:
        together |= abs(value)
        terms += value != 0
    if together == 0:
        return False
    while together & 1 == 0:
        together >>= 1
        pattern >>= 1
    return terms > 1 or np.abs(pattern).max() > 1


@compiled
def intersection(a: Ints, b: Ints, shift: int, sign: int, choice: Choices, pattern: Ints) -> None:
    """Fill in what two rows share."""
    half = (choice.shape[1] - 1) // 2
    pattern[:] = 0
    for i in range(len(a)):
        v, w = a[i], sign * b[i]
        if v != 0 and w != 0 and abs(v) <= half and abs(w) <= half:
            pattern[i] = choice[shift, v + half, w + half]


@compiled
def met_in(a: Ints, b: Ints, shift: int, sign: int, bits: Ints, gain: Gains, choice: Choices) -> float:
    """Full adders that sharing the intersection of two rows saves, estimated."""
    half = (gain.shape[1] - 1) // 2
    saved = 0
    span = 0
    for i in range(len(a)):
        v, w = a[i], sign * b[i]
        if v == 0 or w == 0 or abs(v) > half or abs(w) > half:
            continue
        g = gain[shift, v + half, w + half]
        if g > 0:
            saved += bits[i] * g
            span += abs(choice[shift, v + half, w + half]) << bits[i]
    return max(saved - (1 + HALF_PER_COLUMN) * length(span), 0.0)


@compiled
def note(scores: NDArray[np.float64], notes: Ints, score: float, entry: Ints) -> None:
    """Keep the entry if its score is among the best."""
    worst = scores.argmin()
    if score > scores[worst]:
        scores[worst] = score
        notes[worst] = entry


@compiled
def note_intersections(
    sums: Sums,
    used: int,
    pairs: NDArray[np.float64],
    gain: Gains,
    choice: Choices,
    noise: float,
    generator: np.random.Generator,
) -> tuple[NDArray[np.float64], Ints]:
    """The best pairs of rows (a, b, shift, sign) by what their intersection saves; fills in the gaps of `pairs`."""
    scores = np.zeros(TRIES)
    notes = np.zeros((TRIES, 4), np.int64)
    count = sums.outputs + used - sums.inputs
    for a in range(count):
        for b in range(count):
            if a == b:
                continue
            for shift in range(gain.shape[0]):
                if shift == 0 and a > b:
                    continue
                for sign in (1, -1):
                    side = (sign + 1) // 2
                    if pairs[a, b, shift, side] < 0:
                        rows = sums.rows
                        pairs[a, b, shift, side] = met_in(
                            rows[a, :used], rows[b, :used], shift, sign, sums.bits, gain, choice
                        )
                    score = pairs[a, b, shift, side]
                    if score > 0:
                        score *= 1 + noise * generator.random()
                        note(scores, notes, score, np.array([a, b, shift, sign]))
    return scores, notes


@compiled
def met_digits(sums: Sums, used: int) -> NDArray[np.int16]:
    """How often digits of words i < j stand together in a row: [i, j, shift of j over i + SHIFTS, equal signs]."""
    met = np.zeros((used, used, 2 * SHIFTS + 1, 2), np.int16)
    place = np.zeros((PLACES, 3), np.int64)
    for r in range(sums.outputs + used - sums.inputs):
        n = 0
        for i in range(used):
            value = sums.rows[r, i]
            if value == 0:
                continue
            for s in range(SHIFTS):
                for sign in (1, -1):
                    left = abs(value - sign * (1 << s))
                    if left <= sums.limit and sums.digits[left] < sums.digits[abs(value)] and n < PLACES:
                        place[n, 0], place[n, 1], place[n, 2] = i, s, sign
                        n += 1
        for p in range(n):
            for q in range(p + 1, n):
                i, j = place[p, 0], place[q, 0]
                if i != j:
                    met[i, j, place[q, 1] - place[p, 1] + SHIFTS, int(place[p, 2] == place[q, 2])] += 1
    return met


@compiled
def note_two_terms(
    sums: Sums, used: int, noise: float, generator: np.random.Generator
) -> tuple[NDArray[np.float64], Ints]:
    """The best two-term patterns (word, word, shift, sign) by how often their digits stand together."""
    scores = np.zeros(TRIES)
    notes = np.zeros((TRIES, 4), np.int64)
    met = met_digits(sums, used)
    for i in range(used):
        for j in range(i + 1, used):
            for shift in range(2 * SHIFTS + 1):
                for same in range(2):
                    n = met[i, j, shift, same]
                    if n < 2:
                        continue
                    d = shift - SHIFTS
                    wide = max(sums.bits[i] - min(d, 0), sums.bits[j] + max(d, 0)) + 1
                    each = sums.bits[i] + sums.bits[j] - wide
                    score = ((n - 1) * each - HALF_PER_COLUMN * wide) * (1 + noise * generator.random())
                    note(scores, notes, score, np.array([i, j, d, 2 * same - 1]))
    return scores, notes


@compiled
def know(sums: Sums, word: int, pattern: Ints) -> None:
    """Note what the word is that the pattern over the words before it makes."""
    sums.depends[word, word] = True
    for i in np.flatnonzero(pattern[:word]):
        sums.depends[word] |= sums.depends[i]
        sums.words[word] += pattern[i] * sums.words[i]
    sums.bits[word] = length((np.abs(sums.words[word]) * sums.spans).sum())


@compiled
def take(sums: Sums, used: int, pattern: Ints, width: int, pairs: NDArray[np.float64]) -> None:
    """Make the pattern word `used` and put it into every row where that saves bits."""
    support = np.flatnonzero(pattern[:used])
    count = sums.outputs + used - sums.inputs
    for r in range(count):
        if barred(sums, r, support):
            continue
        for _ in range(REPEATS):
            saved, shift, sign = best_fit(sums, sums.rows[r], pattern, support, width)
            if saved <= 0:
                break
            for word in support:
                sums.rows[r, word] -= sign * (pattern[word] << shift)
            sums.rows[r, used] += sign << shift
            pairs[r] = -1.0
            pairs[:, r] = -1.0
    sums.rows[count, :used] = pattern[:used]
    know(sums, used, pattern)
    # What uses a row's word now depends on the new one as well.
    for w in range(sums.inputs, used + 1):
        if sums.rows[sums.outputs + w - sums.inputs, used] != 0:
            for u in range(used + 1):
                if sums.depends[u, w]:
                    sums.depends[u] |= sums.depends[used]


@compiled
def greedy(
    rows: Ints,
    outputs: int,
    inputs: int,
    used: int,
    spans: Ints,
    gain: Gains,
    choice: Choices,
    digits: Ints,
    limit: int,
    noise: float,
    generator: np.random.Generator,
) -> int:
    """Share until nothing is saved; fills `rows`, in which `used` words are there, and returns the number of words.

    spans: of the inputs' ranges; gain, choice, digits: of `inkling.approx.matrices.tables`; noise: by how much of
    itself every saving is made to look larger at random.
    """
    room = rows.shape[1]
    words = np.zeros((room, inputs), np.int64)
    bits = np.zeros(room, np.int64)
    sums = Sums(rows, words, np.zeros((room, room), np.bool_), bits, spans, digits, outputs, inputs, limit)
    pattern = np.zeros(room, np.int64)
    best_pattern = np.zeros(room, np.int64)
    for i in range(used):
        if i < inputs:
            words[i, i] = 1
            know(sums, i, pattern)
        else:
            know(sums, i, rows[outputs + i - inputs])
    most = outputs + room - inputs
    # Of each pair of rows, shift and sign: full adders saved by their intersection; -1 where not worked out.
    pairs = np.full((most, most, gain.shape[0], 2), -1.0)
    while used < room:
        met, met_notes = note_intersections(sums, used, pairs, gain, choice, noise, generator)
        two, two_notes = note_two_terms(sums, used, noise, generator)
        best, best_width = 1e-9, 0
        multiples = len(range(3, min(limit, MULTIPLES), 2))
        for t in range(2 * TRIES + used * multiples):
            pattern[:] = 0
            if t < TRIES:
                a, b, shift, sign = met_notes[t]
                intersection(rows[a, :used], rows[b, :used], shift, sign, choice, pattern[:used])
                if met[t] <= 0 or not normal(pattern):
                    continue
            elif t < 2 * TRIES:
                i, j, shift, sign = two_notes[t - TRIES]
                if two[t - TRIES] <= 0:
                    continue
                pattern[i] = 1 << max(-shift, 0)
                pattern[j] = sign << max(shift, 0)
            else:
                k = t - 2 * TRIES
                pattern[k // multiples] = 3 + 2 * (k % multiples)
            saved, width = worth(sums, used, pattern)
            saved *= 1 + noise * generator.random()
            if saved > best:
                best, best_width = saved, width
                best_pattern[:] = pattern
        if best <= 1e-9:
            break
        take(sums, used, best_pattern, best_width, pairs)
        used += 1
    return used
