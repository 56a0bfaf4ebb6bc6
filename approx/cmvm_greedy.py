"""The inner loops of `approx.cmvm_search`, compiled by numba; importing this module imports numba.

What is shared and why is told there.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from approx.cmvm_search import HALF_PER_COLUMN

# How far apart (in bits) a shared sum may be in two rows.
SHIFTS = 8
# Candidates that are tried on all rows, of each kind.
TRIES = 6


def _compiled(function: Callable[..., Any]) -> Any:
    """The function compiled by numba, kept on disk where a cache folder can be written at all."""
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # no folder that numba could write its cache to
        return numba.njit(function)


@_compiled
def split_tables(limit, depth, digits):  # type: ignore[no-untyped-def]
    """For weights v, w and shift d: the c that saves most digits in c once, v - c and w - (c << d)."""
    size = 2 * limit + 1
    gain = np.zeros((depth, size, size), np.int8)
    choice = np.zeros((depth, size, size), np.int16)
    for d in range(depth):
        for v in range(-limit, limit + 1):
            for w in range(-limit, limit + 1):
                if v == 0 or w == 0:
                    continue
                now = digits[abs(v)] + digits[abs(w)]
                best = 0
                kept = 0
                for c in range(-limit, limit + 1):
                    if c == 0 or abs(v - c) > limit or abs(w - (c << d)) > limit:
                        continue
                    saved = now - digits[abs(c)] - digits[abs(v - c)] - digits[abs(w - (c << d))]
                    if saved > best or (saved == best and saved > 0 and digits[abs(c)] < digits[abs(kept)]):
                        best = saved
                        kept = c
                gain[d, v + limit, w + limit] = best
                choice[d, v + limit, w + limit] = kept
    return gain, choice


@_compiled
def length(span):  # type: ignore[no-untyped-def]
    bits = 0
    while span > 0:
        span >>= 1
        bits += 1
    return bits


@_compiled
def best_fit(row, pattern, support, width, bits, digits, limit):  # type: ignore[no-untyped-def]
    """The shift and the sign with which taking the pattern out of the row saves most bits."""
    best, best_shift, best_sign = 0, 0, 1
    for shift in range(SHIFTS):
        for sign in (1, -1):
            saved = -width
            for i in support:
                left = abs(row[i] - sign * (pattern[i] << shift))
                if left > limit:
                    saved = -1
                    break
                saved += bits[i] * (digits[abs(row[i])] - digits[left])
            if saved > best:
                best, best_shift, best_sign = saved, shift, sign
    return best, best_shift, best_sign


@_compiled
def try_pattern(rows, count, outputs, inputs, pattern, depends, words, spans, bits, digits, limit):  # type: ignore[no-untyped-def]
    """Full adders saved by sharing the pattern wherever it fits, and its width."""
    used = len(bits)
    support = np.flatnonzero(pattern[:used])
    span = 0
    for k in range(inputs):
        value = 0
        for i in support:
            value += pattern[i] * words[i, k]
        span += abs(value) * spans[k]
    width = length(span)
    price = 0.0
    for i in support:
        price += bits[i] * digits[abs(pattern[i])]
    price -= (1 - HALF_PER_COLUMN) * width
    total = -price
    row = np.empty(used, np.int64)
    for r in range(count):
        barred = False
        if r >= outputs:
            for i in support:
                if depends[i, inputs + r - outputs]:
                    barred = True
        if barred:
            continue
        touched = False
        for i in support:
            touched |= rows[r, i] != 0
        if not touched:
            continue
        row[:] = rows[r, :used]
        for _ in range(3):
            saved, shift, sign = best_fit(row, pattern, support, width, bits, digits, limit)
            if saved <= 0:
                break
            total += saved
            for i in support:
                row[i] -= sign * (pattern[i] << shift)
    return total, width


@_compiled
def normal(pattern):  # type: ignore[no-untyped-def]
    """Divided by its common power of two; False if nothing is there to share."""
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


@_compiled
def intersection(a, b, shift, sign, gain, choice, half, pattern):  # type: ignore[no-untyped-def]
    pattern[:] = 0
    for i in range(len(a)):
        v, w = a[i], sign * b[i]
        if v != 0 and w != 0 and abs(v) <= half and abs(w) <= half:
            pattern[i] = choice[shift, v + half, w + half]


@_compiled
def met_in(a, b, shift, sign, bits, gain, choice, half):  # type: ignore[no-untyped-def]
    """Bits that sharing the intersection of two rows saves, and about the range of the intersection."""
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
    return saved, span


@_compiled
def note(scores, notes, score, entry):  # type: ignore[no-untyped-def]
    """Keep the entry if its score is among the best."""
    worst = scores.argmin()
    if score > scores[worst]:
        scores[worst] = score
        notes[worst] = entry


@_compiled
def greedy(rows, outputs, inputs, used, spans, gain, choice, digits, limit, noise, generator):  # type: ignore[no-untyped-def]
    """Share until nothing is saved; fills `rows` and returns the number of words."""
    room = rows.shape[1]
    depth, half = gain.shape[0], (gain.shape[1] - 1) // 2
    depends = np.zeros((room, room), np.bool_)
    words = np.zeros((room, inputs), np.int64)
    bits = np.zeros(room, np.int64)
    for i in range(used):
        depends[i, i] = True
        if i < inputs:
            words[i, i] = 1
        else:
            for j in range(i):
                value = rows[outputs + i - inputs, j]
                if value != 0:
                    words[i] += value * words[j]
                    depends[i] |= depends[j]
        bits[i] = length((np.abs(words[i]) * spans).sum())
    pattern = np.zeros(room, np.int64)
    best_pattern = np.zeros(room, np.int64)
    most = outputs + room - inputs
    # Of each pair of rows, shift and sign: full adders saved by their intersection; -1 where not worked out.
    pairs = np.full((most, most, depth, 2), -1.0)
    while used < room:
        count = outputs + used - inputs
        scores = np.zeros(TRIES)
        notes = np.zeros((TRIES, 4), np.int64)
        for a in range(count):
            for b in range(count):
                if a == b:
                    continue
                for shift in range(depth):
                    if shift == 0 and a > b:
                        continue
                    for sign in (1, -1):
                        if pairs[a, b, shift, (sign + 1) // 2] < 0:
                            saved, span = met_in(
                                rows[a, :used], rows[b, :used], shift, sign, bits, gain, choice, half
                            )
                            estimate = max(saved - (1 + HALF_PER_COLUMN) * length(span), 0.0)
                            pairs[a, b, shift, (sign + 1) // 2] = estimate
                        score = pairs[a, b, shift, (sign + 1) // 2]
                        if score > 0:
                            score *= 1 + noise * generator.random()
                            note(scores, notes, score, np.array([a, b, shift, sign]))
        best, best_width = 1e-9, 0
        for t in range(TRIES):
            if scores[t] <= 0:
                continue
            a, b, shift, sign = notes[t]
            intersection(rows[a, :used], rows[b, :used], shift, sign, gain, choice, half, pattern)
            if not normal(pattern):
                continue
            saved, width = try_pattern(
                rows, count, outputs, inputs, pattern, depends, words, spans, bits[:used], digits, limit
            )
            saved *= 1 + noise * generator.random()
            if saved > best:
                best, best_width = saved, width
                best_pattern[:] = pattern
        # Two-term patterns: pairs of digits that stand together in several rows.
        reach = 2 * SHIFTS + 1
        met = np.zeros((used, used, reach, 2), np.int16)
        place = np.zeros((4096, 3), np.int64)
        for r in range(count):
            n = 0
            for i in range(used):
                value = rows[r, i]
                if value == 0:
                    continue
                for s in range(SHIFTS):
                    for sign in (1, -1):
                        left = abs(value - sign * (1 << s))
                        if left <= limit and digits[left] < digits[abs(value)] and n < 4096:
                            place[n, 0], place[n, 1], place[n, 2] = i, s, sign
                            n += 1
            for p in range(n):
                for q in range(p + 1, n):
                    i, j = place[p, 0], place[q, 0]
                    if i != j:
                        met[i, j, place[q, 1] - place[p, 1] + SHIFTS, int(place[p, 2] == place[q, 2])] += 1
        scores[:] = 0
        for i in range(used):
            for j in range(i + 1, used):
                for shift in range(reach):
                    for same in range(2):
                        n = met[i, j, shift, same]
                        if n < 2:
                            continue
                        d = shift - SHIFTS
                        wide = max(bits[i] - min(d, 0), bits[j] + max(d, 0)) + 1
                        each = bits[i] + bits[j] - wide
                        score = ((n - 1) * each - HALF_PER_COLUMN * wide) * (1 + noise * generator.random())
                        note(scores, notes, score, np.array([i, j, d, 2 * same - 1]))
        for t in range(TRIES):
            if scores[t] <= 0:
                continue
            i, j, d, sign = notes[t]
            pattern[:] = 0
            pattern[i] = 1 << max(-d, 0)
            pattern[j] = sign << max(d, 0)
            saved, width = try_pattern(
                rows, count, outputs, inputs, pattern, depends, words, spans, bits[:used], digits, limit
            )
            saved *= 1 + noise * generator.random()
            if saved > best:
                best, best_width = saved, width
                best_pattern[:] = pattern
        for i in range(used):
            for multiple in range(3, min(limit, 16), 2):
                pattern[:] = 0
                pattern[i] = multiple
                saved, width = try_pattern(
                    rows, count, outputs, inputs, pattern, depends, words, spans, bits[:used], digits, limit
                )
                saved *= 1 + noise * generator.random()
                if saved > best:
                    best, best_width = saved, width
                    best_pattern[:] = pattern
        if best <= 1e-9:
            break
        support = np.flatnonzero(best_pattern[:used])
        for r in range(count):
            barred = False
            if r >= outputs:
                for word in support:
                    if depends[word, inputs + r - outputs]:
                        barred = True
            if barred:
                continue
            for _ in range(3):
                saved, shift, sign = best_fit(rows[r], best_pattern, support, best_width, bits, digits, limit)
                if saved <= 0:
                    break
                for word in support:
                    rows[r, word] -= sign * (best_pattern[word] << shift)
                rows[r, used] += sign << shift
                pairs[r] = -1.0
                pairs[:, r] = -1.0
        rows[count, :used] = best_pattern[:used]
        depends[used, used] = True
        for word in support:
            depends[used] |= depends[word]
            words[used] += best_pattern[word] * words[word]
        # What uses a row's words now depends on the new one as well.
        bits[used] = best_width
        used += 1
        for w in range(inputs, used):
            if rows[outputs + w - inputs, used - 1] != 0:
                for u in range(used):
                    if depends[u, w]:
                        depends[u] |= depends[used - 1]
    return used
