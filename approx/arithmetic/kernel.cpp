// The inner loop of the arithmetic search: masked sums, clipped ReLUs and a tournament of narrow comparators, evaluated
// over rows in vectors of int16, with only what a change reaches computed again, and annealed.
//
// Genomes are read and written by inkling.approx.arithmetic.genome, built and called by inkling.approx.arithmetic.kernel. Sums wrap
// modulo 2**16; a change whose sums might leave int16 is refused, so no sum that counts has wrapped.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace {

typedef int16_t Lane __attribute__((vector_size(32)));
typedef uint16_t ULane __attribute__((vector_size(32)));
constexpr int LANES = 16;

// All lanes by the same number of bits: compilers do not see that, and would go through 32 bits.
inline Lane shift_right(Lane v, int bits) {
#ifdef __AVX2__
    return Lane(_mm256_sra_epi16((__m256i)v, _mm_cvtsi32_si128(bits)));
#else
    return v >> int16_t(bits);
#endif
}

inline ULane shift_left(ULane v, int bits) {
#ifdef __AVX2__
    return ULane(_mm256_sll_epi16((__m256i)v, _mm_cvtsi32_si128(bits)));
#else
    return v << uint16_t(bits);
#endif
}

constexpr int CHUNK = 32;  // vectors evaluated together: 512 rows
constexpr int MOST_OUTPUTS = 32;
constexpr int MOST_HIDDEN = 64;
constexpr int MOST_NEURONS = MOST_OUTPUTS + MOST_HIDDEN;
constexpr int COLUMNS = 24;
constexpr double FUNCTION_GATES = 1.5;
// Of a neuron: inkling.approx.arithmetic.kernel refuses shapes with more slots; masks and values have int16's bits.
constexpr int MOST_SLOTS = 200, SOURCE_BITS = 16;

// What a plan of adders is made of; inkling.approx.arithmetic.cost names them in this order.
enum Feature {
    ADD3, ADD2, INVERT, SUB3, SUB2, BORROW3, BORROW2, ODD3, ODD2, ANY, CLIP_OR, CLIP_AND, SELECT, INDEX, INPUT_BITS,
    FEATURES
};

struct Shape {
    int64_t inputs, hidden, outputs, slots, rows, chunks;
};

struct Settings {
    double price;         // error share for one unit of area
    double temperature;   // in error share
    double certainty;     // standard deviations at which a candidate is dropped on part of the rows
    int64_t moves;
    uint64_t seed;
    int64_t levels[8];    // 1 where a kind of change is allowed: terms, masks, biases, activations, comparators, inputs
    double price_features[FEATURES];
    int64_t evaluated, tried[24], kept[24];
};

struct Random {
    uint64_t state;
    uint64_t next() {
        state += 0x9E3779B97F4A7C15ull;
        uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    int below(int n) { return n <= 1 ? 0 : int((unsigned __int128)(next()) * (unsigned)n >> 64); }
    double uniform() { return double(next() >> 11) * 0x1.0p-53; }
};

inline int bit_length(int64_t v) { return v <= 0 ? 0 : 64 - __builtin_clzll((unsigned long long)v); }

// A genome is int16: terms [neurons][slots][source, sign, shift, mask], biases [neurons], shifts [hidden], bits [hidden],
// first bit [outputs - 1] and width [outputs - 1] of every match. A term of sign 0 is an empty slot.
struct Genome {
    std::vector<int16_t> v;
};

struct Net {
    Shape s;
    int neurons, matches;
    std::vector<int> match_a, match_b, input_bits;
    std::vector<Lane> x;        // [inputs][vectors]
    std::vector<Lane> labels, weights;
    int64_t vectors, total_weight;
    std::vector<double> bit_mean;  // [inputs][8]
    // Current state.
    Genome now;
    std::vector<Lane> sums, values, scores;      // [hidden], [hidden], [outputs] of [vectors]
    std::vector<Lane> new_sums, new_values, new_scores;
    std::vector<int> chunk_errors, new_chunk_errors;
    int64_t errors;
    std::vector<double> hidden_mean;  // [hidden][16], of single bits

    int term_at(int neuron, int slot) const { return (neuron * int(s.slots) + slot) * 4; }
    int bias_at(int neuron) const { return neurons * int(s.slots) * 4 + neuron; }
    int shift_at(int h) const { return neurons * int(s.slots) * 4 + neurons + h; }
    int bits_at(int h) const { return shift_at(int(s.hidden)) + h; }
    int key_at(int m) const { return bits_at(int(s.hidden)) + m; }
    int width_at(int m) const { return key_at(matches) + m; }
    int size() const { return width_at(matches); }
};

// ---- area ------------------------------------------------------------------------------------------------------

struct Counts {
    double n[FEATURES];
};

enum Kind : int8_t { ZERO, ONE, VARIES };

void add_columns(int *columns, int64_t constant, int width, int64_t largest, Kind *total, Counts &c) {
    for (int k = 0; k < width; k++) {
        const bool one = constant >> k & 1;
        int n = columns[k];
        if (k == width - 1 && largest < (int64_t(1) << width)) {
            if (one) total[k] = ONE;
            else if (n) c.n[ANY] += n - 1, total[k] = VARIES;
            else total[k] = ZERO;
            break;
        }
        if (k == width - 1) {
            total[k] = n ? VARIES : one ? ONE : ZERO;
            while (n > 1) {
                c.n[n > 2 ? ODD3 : ODD2]++;
                n -= n > 2 ? 2 : 1;
            }
            if (n && one) c.n[INVERT]++;
            break;
        }
        while (n > 2) {
            c.n[ADD3]++;
            n -= 2;
            columns[k + 1]++;
        }
        if (n == 2) {
            c.n[ADD2]++;
            columns[k + 1]++;
            total[k] = VARIES;
        } else if (n && one) {
            c.n[INVERT]++;
            columns[k + 1]++;
            total[k] = VARIES;
        } else {
            total[k] = n ? VARIES : one ? ONE : ZERO;
        }
    }
}

// The borrow of p - m - b: a constant where it does not depend on what varies.
Kind borrow_of(Kind p, Kind m, Kind b) {
    int low = 1, high = 0;
    for (int code = 0; code < 8; code++) {
        const int vp = code & 1, vm = code >> 1 & 1, vb = code >> 2;
        if ((p != VARIES && vp != p) || (m != VARIES && vm != m) || (b != VARIES && vb != b)) continue;
        const int out = vp < vm + vb;
        low = std::min(low, out);
        high = std::max(high, out);
    }
    return low == high ? (low ? ONE : ZERO) : VARIES;
}

int varying(Kind p, Kind m, Kind b) { return (p == VARIES) + (m == VARIES) + (b == VARIES); }

struct Range {
    int64_t low, high;
};

int width_of(Range r) {
    return r.low < 0 ? std::max(bit_length(-r.low - 1), bit_length(std::max<int64_t>(r.high, 0))) + 1
                     : std::max(bit_length(r.high), 1);
}

// Weights of single bits of a neuron's sources.
struct BitWeights {
    int count;
    int32_t weight[MOST_SLOTS * SOURCE_BITS];
    Range range;
};

void bit_weights(const Net &net, const int16_t *g, int neuron, const int *source_bits, BitWeights &found) {
    static thread_local int32_t sum[MOST_SLOTS * SOURCE_BITS];
    static thread_local int seen[MOST_SLOTS];
    int sources = 0;
    found.count = 0;
    found.range.low = found.range.high = g[net.bias_at(neuron)];
    for (int t = 0; t < net.s.slots; t++) {
        const int16_t *term = g + net.term_at(neuron, t);
        if (!term[1]) continue;
        const int i = term[0];
        int place = -1;
        for (int k = 0; k < sources; k++) if (seen[k] == i) place = k;
        if (place < 0) {
            place = sources++;
            seen[place] = i;
            std::fill(sum + place * SOURCE_BITS, sum + (place + 1) * SOURCE_BITS, 0);
        }
        for (int b = 0; b < source_bits[i]; b++)
            if (term[3] >> b & 1) sum[place * SOURCE_BITS + b] += int32_t(term[1]) << (term[2] + b);
    }
    for (int place = 0; place < sources; place++) {
        for (int b = 0; b < source_bits[seen[place]]; b++) {
            const int32_t w = sum[place * SOURCE_BITS + b];
            if (!w) continue;
            found.weight[found.count++] = w;
            (w < 0 ? found.range.low : found.range.high) += w;
        }
    }
}

void digits(int32_t w, int *positive, int *negative, int64_t &most_positive, int64_t &most_negative) {
    const uint32_t size = uint32_t(w < 0 ? -w : w);
    const uint32_t three = size + (size << 1);
    const uint32_t plus = three & ~size, minus = ~three & size;  // doubled canonical digits
    const bool canonical = __builtin_popcount(plus) + __builtin_popcount(minus) < __builtin_popcount(size);
    uint32_t p = canonical ? plus >> 1 : size, n = canonical ? minus >> 1 : 0;
    if (w < 0) std::swap(p, n);
    most_positive += p;
    most_negative += n;
    for (; p; p &= p - 1) positive[__builtin_ctz(p)]++;
    for (; n; n &= n - 1) negative[__builtin_ctz(n)]++;
}

// A sum, whose bits below first_bit only send borrows.
void sum_counts(const BitWeights &w, int64_t bias, int first_bit, Counts &c) {
    int columns[2][COLUMNS + 8] = {};
    int64_t most[2] = {0, 0};
    for (int k = 0; k < w.count; k++) digits(w.weight[k], columns[0], columns[1], most[0], most[1]);
    const int width = std::min(width_of(w.range), COLUMNS);
    const int64_t constant[2] = {std::max<int64_t>(bias, 0), std::max<int64_t>(-bias, 0)};
    Kind side[2][COLUMNS + 8] = {};
    for (int k = 0; k < 2; k++) {
        const int side_width = std::min(bit_length(most[k] + constant[k]), width);
        if (side_width) add_columns(columns[k], constant[k], side_width, most[k] + constant[k], side[k], c);
    }
    Kind borrow = ZERO;
    for (int k = 0; k < width; k++) {
        const Kind p = side[0][k], m = side[1][k];
        const int v = varying(p, m, borrow);
        if (!v || (m == ZERO && borrow == ZERO)) {
            borrow = borrow_of(p, m, borrow);
            continue;
        }
        if (k == width - 1) {
            c.n[v == 3 ? ODD3 : v == 2 ? ODD2 : INVERT]++;
            break;
        }
        if (k < first_bit) c.n[v == 3 ? BORROW3 : v == 2 ? BORROW2 : INVERT]++;
        else c.n[v == 3 ? SUB3 : v == 2 ? SUB2 : INVERT]++;
        borrow = borrow_of(p, m, borrow);
    }
}

// Gates (NAND2) of the parts as they are drawn, in the order of Feature; inkling.approx.arithmetic.cost has the same.
const double DRAWN[FEATURES] = {9, 5, 1, 9, 5, 5, 2, 8, 4, 2, 2, 2, 3, 3, 0};

// A function of few bits is small however it was drawn: about 2**n / n gates make any function of n bits (Lupanov,
// 1958). Parts are counted in proportion to a smooth minimum of what is drawn and of what any function needs.
void limit_to_function(Counts &part, int inputs, int outputs) {
    if (inputs > 24 || inputs < 1) return;
    double drawn = 0;
    for (int k = 0; k < FEATURES; k++) drawn += DRAWN[k] * part.n[k];
    const double most = FUNCTION_GATES * double(1 << inputs) / double(inputs) * (0.5 + 0.5 * outputs);
    for (int k = 0; k < FEATURES; k++) part.n[k] *= most / (most + drawn);
}

void add_counts(Counts &total, const Counts &part) {
    for (int k = 0; k < FEATURES; k++) total.n[k] += part.n[k];
}

// Ranges and needs of a whole genome, and what every part costs.
struct Area {
    double neuron[MOST_NEURONS];
    Counts total;
    double area;
    bool fits;
};

void count_area(const Net &net, const int16_t *g, const double *price, Area &out) {
    const int H = int(net.s.hidden), O = int(net.s.outputs);
    std::memset(&out.total, 0, sizeof out.total);
    out.fits = true;
    int need_low[2 * MOST_OUTPUTS], need_high[2 * MOST_OUTPUTS];
    for (int k = 0; k < 2 * MOST_OUTPUTS; k++) need_low[k] = 99, need_high[k] = 0;
    for (int m = net.matches - 1; m >= 0; m--) {
        const int low = std::min<int>(g[net.key_at(m)], need_low[O + m]);
        const int high = std::max<int>(g[net.key_at(m)] + g[net.width_at(m)], need_high[O + m]);
        for (int k : {net.match_a[m], net.match_b[m]}) need_low[k] = low, need_high[k] = high;
    }
    int hidden_bits_read = 0;
    Counts decision = {};
    int used[MOST_HIDDEN] = {}, hidden_bits[MOST_HIDDEN];
    for (int o = 0; o < O; o++)
        for (int t = 0; t < net.s.slots; t++) {
            const int16_t *term = g + net.term_at(H + o, t);
            if (term[1]) used[term[0]] |= term[3];
        }
    static thread_local BitWeights w;
    static thread_local std::vector<int> input_used;
    input_used.assign(net.s.inputs, 0);
    for (int h = 0; h < H; h++) {
        hidden_bits[h] = 0;
        const int bits = g[net.bits_at(h)], shift = g[net.shift_at(h)];
        if (!(used[h] & ((1 << bits) - 1))) {
            // Still must not overflow: it can be read again by a later change.
            bit_weights(net, g, h, net.input_bits.data(), w);
            if (w.range.low < -32768 || w.range.high > 32767) out.fits = false;
            const int64_t top = std::min<int64_t>(std::max<int64_t>(w.range.high >> shift, 0), (1 << bits) - 1);
            hidden_bits[h] = bit_length(top);
            continue;
        }
        bit_weights(net, g, h, net.input_bits.data(), w);
        if (w.range.low < -32768 || w.range.high > 32767) out.fits = false;
        const int64_t top = std::min<int64_t>(std::max<int64_t>(w.range.high >> shift, 0), (1 << bits) - 1);
        const int64_t least = std::min<int64_t>(std::max<int64_t>(w.range.low >> shift, 0), (1 << bits) - 1);
        hidden_bits[h] = bit_length(top);
        if (least == top) continue;
        for (int t = 0; t < net.s.slots; t++) {
            const int16_t *term = g + net.term_at(h, t);
            if (term[1]) input_used[term[0]] |= term[3] & ((1 << net.input_bits[term[0]]) - 1);
        }
        const int reading = used[h] & ((1 << hidden_bits[h]) - 1);
        if (!reading) continue;
        const bool is_signed = w.range.low < 0;
        const int body = width_of(w.range) - is_signed - shift;
        const int over = std::max(body - bits, 0);
        const int lowest = __builtin_ctz(reading);
        Counts part = {};
        sum_counts(w, g[net.bias_at(h)], shift + lowest, part);
        const int bits_read = __builtin_popcount(reading);
        if (over) part.n[CLIP_OR] += over - 1 + bits_read;
        if (is_signed) part.n[CLIP_AND] += bits_read;
        limit_to_function(part, w.count, bits_read);
        hidden_bits_read += bits_read;
        add_counts(out.total, part);
    }
    for (int i = 0; i < net.s.inputs; i++) out.total.n[INPUT_BITS] += __builtin_popcount(input_used[i]);
    Range range[2 * MOST_OUTPUTS];
    bool constant[2 * MOST_OUTPUTS];
    int leaves[2 * MOST_OUTPUTS];
    for (int o = 0; o < O; o++) {
        bit_weights(net, g, H + o, hidden_bits, w);
        if (w.range.low < -16384 || w.range.high > 16383) out.fits = false;
        range[o] = w.range;
        constant[o] = w.range.low == w.range.high;
        leaves[o] = 1;
        if (!constant[o]) {
            Counts part = {};
            sum_counts(w, g[net.bias_at(H + o)], std::min(need_low[o], 20), part);
            limit_to_function(part, w.count, std::max(width_of(w.range) - need_low[o], 1));
            add_counts(decision, part);
        }
    }
    for (int m = 0; m < net.matches; m++) {
        const int a = net.match_a[m], b = net.match_b[m], won = O + m;
        range[won] = {std::min(range[a].low, range[b].low), std::max(range[a].high, range[b].high)};
        constant[won] = constant[a] && constant[b] && range[a].low == range[b].low;
        leaves[won] = leaves[a] + leaves[b];
        const int first = g[net.key_at(m)], most = width_of({std::min<int64_t>(range[won].low, -1), range[won].high});
        const int last = std::max(std::min(first + g[net.width_at(m)], most), first + 1);
        Kind less = ZERO;
        for (int k = first; k < last; k++) {
            Kind p = constant[a] ? (range[a].low >> k & 1 ? ONE : ZERO) : VARIES;
            Kind q = constant[b] ? (range[b].low >> k & 1 ? ONE : ZERO) : VARIES;
            if (k == last - 1) std::swap(p, q);
            const int v = varying(p, q, less);
            if (v >= 2) decision.n[v == 3 ? BORROW3 : BORROW2]++;
            less = borrow_of(p, q, less);
        }
        if (less != VARIES) continue;
        if (m < net.matches - 1)
            decision.n[SELECT] += std::max(std::min(need_high[won], most) - std::min(need_low[won], most), 0);
        decision.n[INDEX] += bit_length(leaves[won] - 1) - 1;
    }
    limit_to_function(decision, hidden_bits_read, bit_length(O - 1));
    add_counts(out.total, decision);
    // The whole is a function of the bits that are read, too.
    const double bits = out.total.n[INPUT_BITS];
    limit_to_function(out.total, int(bits), bit_length(O - 1));
    out.total.n[INPUT_BITS] = bits;
    out.area = 0;
    for (int k = 0; k < FEATURES; k++) out.area += price[k] * out.total.n[k];
}

// ---- evaluation -------------------------------------------------------------------------------------------------

inline void add_term(Lane *__restrict sum, const Lane *__restrict source, int mask, int factor, int n) {
    const uint16_t m = uint16_t(mask), f = uint16_t(factor);
    for (int k = 0; k < n; k++) sum[k] = Lane(ULane(sum[k]) + (ULane(source[k]) & m) * f);
}

inline void fill(Lane *sum, int value, int n) {
    const Lane v = Lane{} + int16_t(value);
    for (int k = 0; k < n; k++) sum[k] = v;
}

struct Change {
    bool hidden[MOST_HIDDEN], output[MOST_OUTPUTS], keys;
};

void clip_lane(Lane *__restrict out, const Lane *__restrict sum, int shift, int bits, int n) {
    const int16_t top = int16_t((1 << bits) - 1);
    const Lane zero = Lane{}, tops = Lane{} + top;
    for (int k = 0; k < n; k++) {
        Lane v = shift_right(sum[k], shift);
        v = v > zero ? v : zero;
        out[k] = v < tops ? v : tops;
    }
}

int wrong_rows(const Net &net, const int16_t *g, const Lane *const *scores, int64_t from, int n) {
    const int O = int(net.s.outputs), M = net.matches;
    uint16_t up[MOST_OUTPUTS], mask[MOST_OUTPUTS];
    for (int m = 0; m < M; m++) {
        const int first = g[net.key_at(m)], end = std::min(first + g[net.width_at(m)], 16);
        up[m] = uint16_t(16 - end);
        mask[m] = uint16_t(~((1u << (16 - end + first)) - 1));
    }
    Lane wrong = Lane{};
    for (int k = 0; k < n; k++) {
        Lane value[2 * MOST_OUTPUTS], label[2 * MOST_OUTPUTS];
        for (int o = 0; o < O; o++) {
            value[o] = scores[o][from + k];
            label[o] = Lane{} + int16_t(o);
        }
        for (int m = 0; m < M; m++) {
            const int a = net.match_a[m], b = net.match_b[m];
            const Lane ka = Lane(shift_left(ULane(value[a]), up[m]) & mask[m]);
            const Lane kb = Lane(shift_left(ULane(value[b]), up[m]) & mask[m]);
            const Lane wins = kb > ka;
            value[O + m] = wins ? value[b] : value[a];
            label[O + m] = wins ? label[b] : label[a];
        }
        wrong += net.weights[from + k] & Lane(label[O + M - 1] != net.labels[from + k]);
    }
    int total = 0;
    for (int l = 0; l < LANES; l++) total += uint16_t(wrong[l]);
    return total;
}

// Errors of a changed genome, or -1 where they surely (or, by the certainty, very likely) exceed `limit`.
int64_t evaluate(Net &net, const int16_t *g, const Change &change, int64_t limit, double certainty) {
    const int H = int(net.s.hidden), O = int(net.s.outputs), S = int(net.s.slots);
    const int16_t *old = net.now.v.data();
    struct Step { int mask, factor; bool fresh; int source; };
    static thread_local std::vector<Step> steps[MOST_NEURONS];
    bool full[MOST_NEURONS];
    const Lane *scores[MOST_OUTPUTS];
    bool redo[MOST_OUTPUTS];
    for (int h = 0; h < H + O; h++) {
        const bool hidden = h < H;
        bool dirty = hidden ? change.hidden[h] : change.output[h - H];
        steps[h].clear();
        int active = 0;
        const int16_t *now = g + net.term_at(h, 0), *was = old + net.term_at(h, 0);
        if (!hidden)
            for (int t = 0; t < S && !dirty; t++) dirty = now[4 * t + 1] && change.hidden[now[4 * t]];
        if (hidden ? !dirty : !(redo[h - H] = dirty)) {
            if (!hidden) scores[h - H] = &net.scores[(h - H) * net.vectors];
            continue;
        }
        if (!hidden) scores[h - H] = &net.new_scores[(h - H) * net.vectors];
        for (int t = 0; t < S; t++) {
            const int16_t *a = was + 4 * t, *b = now + 4 * t;
            active += b[1] != 0;
            const bool same = a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
            if (same && (!b[1] || hidden || !change.hidden[b[0]])) continue;
            if (a[1]) steps[h].push_back({a[3], -(int(a[1]) << a[2]), false, a[0]});
            if (b[1]) steps[h].push_back({b[3], int(b[1]) << b[2], true, b[0]});
        }
        full[h] = int(steps[h].size()) > active;
        if (full[h]) {
            steps[h].clear();
            for (int t = 0; t < S; t++) {
                const int16_t *b = now + 4 * t;
                if (b[1]) steps[h].push_back({b[3], int(b[1]) << b[2], true, b[0]});
            }
        }
    }
    int64_t errors = 0, before = 0;
    for (int64_t chunk = 0; chunk < net.s.chunks; chunk++) {
        const int64_t from = chunk * CHUNK;
        const int n = int(std::min<int64_t>(CHUNK, net.vectors - from));
        for (int h = 0; h < H + O; h++) {
            const bool hidden = h < H;
            if (hidden ? !change.hidden[h] : !redo[h - H]) continue;
            Lane *sum = (hidden ? &net.new_sums[h * net.vectors] : &net.new_scores[(h - H) * net.vectors]) + from;
            const int bias = g[net.bias_at(h)];
            if (full[h]) {
                fill(sum, bias, n);
            } else {
                const Lane *last = (hidden ? &net.sums[h * net.vectors] : &net.scores[(h - H) * net.vectors]) + from;
                const Lane d = Lane{} + int16_t(bias - old[net.bias_at(h)]);
                for (int k = 0; k < n; k++) sum[k] = last[k] + d;
            }
            for (const Step &step : steps[h]) {
                const Lane *source;
                if (hidden) source = &net.x[step.source * net.vectors];
                else if (step.fresh && change.hidden[step.source]) source = &net.new_values[step.source * net.vectors];
                else source = &net.values[step.source * net.vectors];
                add_term(sum, source + from, step.mask, step.factor, n);
            }
            if (hidden) clip_lane(&net.new_values[h * net.vectors] + from, sum, g[net.shift_at(h)], g[net.bits_at(h)], n);
        }
        const int wrong = wrong_rows(net, g, scores, from, n);
        net.new_chunk_errors[chunk] = wrong;
        errors += wrong;
        before += net.chunk_errors[chunk];
        if (errors > limit) return -1;
        const int64_t done = chunk + 1;
        if (done < net.s.chunks && errors > before) {
            const double ratio = double(net.s.chunks) / double(done);
            const double mean = double(net.total_weight) / double(net.s.rows);
            const double likely = double(errors - before) - certainty * std::sqrt(mean * double(errors - before + 4 * mean));
            if (likely * ratio > double(limit - net.errors)) return -1;
        }
    }
    return errors;
}

void commit(Net &net, const int16_t *g, const Change &change, int64_t errors) {
    const int H = int(net.s.hidden), O = int(net.s.outputs);
    const size_t bytes = size_t(net.vectors) * sizeof(Lane);
    for (int h = 0; h < H; h++) {
        if (!change.hidden[h]) continue;
        std::memcpy(&net.sums[h * net.vectors], &net.new_sums[h * net.vectors], bytes);
        std::memcpy(&net.values[h * net.vectors], &net.new_values[h * net.vectors], bytes);
    }
    for (int o = 0; o < O; o++) {
        bool redo = change.output[o];
        for (int t = 0; t < net.s.slots && !redo; t++) {
            const int16_t *term = g + net.term_at(H + o, t);
            redo = term[1] && change.hidden[term[0]];
        }
        if (redo) std::memcpy(&net.scores[o * net.vectors], &net.new_scores[o * net.vectors], bytes);
    }
    std::memcpy(net.now.v.data(), g, size_t(net.size()) * sizeof(int16_t));
    net.chunk_errors = net.new_chunk_errors;
    net.errors = errors;
}

int64_t load(Net &net, const int16_t *g) {
    std::fill(net.now.v.begin(), net.now.v.end(), int16_t(0));
    std::fill(net.chunk_errors.begin(), net.chunk_errors.end(), 0);
    net.errors = 0;
    Change all;
    for (bool &b : all.hidden) b = true;
    for (bool &b : all.output) b = true;
    all.keys = true;
    // From nothing: no delta is worth it, as no old term is there.
    for (auto &v : net.sums) v = Lane{};
    for (auto &v : net.values) v = Lane{};
    for (auto &v : net.scores) v = Lane{};
    const int64_t errors = evaluate(net, g, all, INT64_MAX / 4, 1e9);
    commit(net, g, all, errors);
    return errors;
}

// ---- changes ----------------------------------------------------------------------------------------------------

void hidden_means(Net &net) {
    const int H = int(net.s.hidden);
    for (int h = 0; h < H; h++) {
        const Lane *v = &net.values[h * net.vectors];
        for (int b = 0; b < 12; b++) {
            int64_t count = 0;
            Lane sum = Lane{};
            for (int64_t k = 0; k < net.vectors; k += 8) sum += shift_right(v[k], b) & int16_t(1);
            for (int l = 0; l < LANES; l++) count += sum[l];
            net.hidden_mean[h * 16 + b] = double(count) / double((net.vectors + 7) / 8 * LANES);
        }
    }
}

double mean_of(const Net &net, const int16_t *g, int neuron) {
    const bool hidden = neuron < net.s.hidden;
    double total = g[net.bias_at(neuron)];
    for (int t = 0; t < net.s.slots; t++) {
        const int16_t *term = g + net.term_at(neuron, t);
        if (!term[1]) continue;
        double part = 0;
        const double *means = hidden ? &net.bit_mean[term[0] * 8] : &net.hidden_mean[term[0] * 16];
        const int bits = hidden ? 8 : 12;
        for (int b = 0; b < bits; b++) if (term[3] >> b & 1) part += means[b] * double(1 << b);
        total += double(term[1]) * double(1 << term[2]) * part;
    }
    return total;
}

enum Move {
    CLEAR_BIT, SET_BIT, DROP_TERM, ADD_TERM, SHIFT_TERM, NEGATE_TERM, MOVE_TERM, BIAS, ROUND_BIAS, CLIP, COMPARE,
    DROP_INPUT_BIT, DROP_INPUT, DROP_HIDDEN, COMMON_TERM, COPY_TERM, NARROW, MOVES
};
// Which of Settings.levels a move belongs to: 0 terms, 1 masks, 2 biases, 3 activations, 4 comparators, 5 inputs.
const int LEVEL[MOVES] = {1, 1, 0, 0, 0, 0, 0, 2, 2, 3, 4, 5, 5, 0, 0, 0, 1};
const int SHARE[MOVES] = {26, 10, 14, 12, 10, 4, 8, 12, 5, 10, 7, 4, 2, 1, 3, 4, 8};

struct Mutator {
    Net &net;
    Random &random;
    int16_t *g;
    Change &change;
    int H, O, S, N;

    bool alive(int h) const {
        for (int o = 0; o < O; o++)
            for (int t = 0; t < S; t++) {
                const int16_t *term = g + net.term_at(H + o, t);
                if (term[1] && term[0] == h) return true;
            }
        return false;
    }
    void touch(int neuron) { (neuron < H ? change.hidden[neuron] : change.output[neuron - H]) = true; }
    // A neuron, by its number of terms; -1 where the network has none.
    int any_term(int &slot) {
        int count = 0, neuron = -1;
        for (int n = 0; n < N; n++)
            for (int t = 0; t < S; t++)
                if (g[net.term_at(n, t) + 1]) {
                    count++;
                }
        if (!count) return -1;
        int pick = random.below(count);
        for (int n = 0; n < N && neuron < 0; n++)
            for (int t = 0; t < S; t++)
                if (g[net.term_at(n, t) + 1] && pick-- == 0) {
                    neuron = n;
                    slot = t;
                    break;
                }
        return neuron;
    }
    int free_slot(int neuron) const {
        for (int t = 0; t < S; t++) if (!g[net.term_at(neuron, t) + 1]) return t;
        return -1;
    }
    int source_bits(int neuron, int source) const { return neuron < H ? net.input_bits[source] : g[net.bits_at(source)]; }
    void drop(int neuron, int slot) {
        int16_t *term = g + net.term_at(neuron, slot);
        term[0] = term[1] = term[2] = term[3] = 0;
    }
    bool put(int neuron, int source, int sign, int shift, int mask) {
        const int slot = free_slot(neuron);
        if (slot < 0 || !mask) return false;
        int16_t *term = g + net.term_at(neuron, slot);
        term[0] = int16_t(source), term[1] = int16_t(sign), term[2] = int16_t(shift), term[3] = int16_t(mask);
        return true;
    }
    void compensate(int neuron, double before) {
        const double moved = before - mean_of(net, g, neuron);
        const int to = g[net.bias_at(neuron)] + int(std::lrint(moved));
        g[net.bias_at(neuron)] = int16_t(std::max(-16000, std::min(16000, to)));
    }

    bool apply(int move) {
        int slot = 0;
        switch (move) {
            case CLEAR_BIT: case SET_BIT: case DROP_TERM: case SHIFT_TERM: case NEGATE_TERM: case MOVE_TERM: case NARROW: {
                const int neuron = any_term(slot);
                if (neuron < 0) return false;
                const double before = mean_of(net, g, neuron);
                int16_t *term = g + net.term_at(neuron, slot);
                const int bits = source_bits(neuron, term[0]), all = (1 << bits) - 1;
                if (move == CLEAR_BIT) {
                    const int set = term[3] & all;
                    if (!set) { drop(neuron, slot); touch(neuron); return true; }
                    int pick = random.below(2) ? 0 : random.below(__builtin_popcount(set));
                    int left = set;
                    while (pick--) left &= left - 1;
                    term[3] = int16_t(set & ~(left & -left));
                    if (!term[3]) drop(neuron, slot);
                } else if (move == SET_BIT) {
                    const int unset = all & ~term[3];
                    if (!unset) return false;
                    int pick = random.below(__builtin_popcount(unset)), left = unset;
                    while (pick--) left &= left - 1;
                    term[3] = int16_t(term[3] | (left & -left));
                } else if (move == DROP_TERM) {
                    drop(neuron, slot);
                } else if (move == SHIFT_TERM) {
                    const int to = term[2] + (random.below(2) ? 1 : -1);
                    if (to < 0 || to > 10) return false;
                    term[2] = int16_t(to);
                } else if (move == NEGATE_TERM) {
                    term[1] = int16_t(-term[1]);
                } else if (move == MOVE_TERM) {
                    const int to = random.below(neuron < H ? int(net.s.inputs) : H);
                    if (neuron >= H && !free_source(to)) return false;
                    const int to_bits = source_bits(neuron, to);
                    if (!to_bits) return false;
                    // The highest bits stay the highest.
                    const int shifted = to_bits >= bits ? term[3] << (to_bits - bits) : term[3] >> (bits - to_bits);
                    term[0] = int16_t(to);
                    term[3] = int16_t(shifted & ((1 << to_bits) - 1));
                    if (!term[3]) term[3] = int16_t((1 << to_bits) - 1);
                } else {  // NARROW: the lowest bit of a neuron's sum goes from every term that has it
                    int lowest = 99;
                    for (int t = 0; t < S; t++) {
                        const int16_t *other = g + net.term_at(neuron, t);
                        const int mask = other[3] & ((1 << source_bits(neuron, other[0])) - 1);
                        if (other[1] && mask) lowest = std::min(lowest, other[2] + __builtin_ctz(mask));
                    }
                    for (int t = 0; t < S; t++) {
                        int16_t *other = g + net.term_at(neuron, t);
                        if (!other[1]) continue;
                        const int bit = lowest - other[2];
                        if (bit >= 0 && bit < 15) other[3] = int16_t(other[3] & ~(1 << bit));
                        if (!other[3]) drop(neuron, t);
                    }
                }
                touch(neuron);
                if (random.below(4)) compensate(neuron, before);
                return true;
            }
            case ADD_TERM: {
                const int neuron = random.below(2) ? random.below(N) : H + random.below(O);
                if (neuron < H && !alive(neuron) && random.below(4)) return false;
                const int source = random.below(neuron < H ? int(net.s.inputs) : H);
                if (neuron >= H && !free_source(source)) return false;
                const int bits = source_bits(neuron, source);
                if (!bits) return false;
                const double before = mean_of(net, g, neuron);
                const int keep = 1 + random.below(bits);
                const int mask = (random.below(2) ? ((1 << keep) - 1) << (bits - keep) : 1 << random.below(bits));
                if (!put(neuron, source, random.below(2) ? 1 : -1, random.below(7), mask)) return false;
                touch(neuron);
                if (random.below(4)) compensate(neuron, before);
                return true;
            }
            case COPY_TERM: {
                const int neuron = any_term(slot);
                if (neuron < 0) return false;
                const int16_t *term = g + net.term_at(neuron, slot);
                const int to = neuron < H ? random.below(H) : H + random.below(O);
                if (to == neuron || (to < H && !alive(to))) return false;
                const double before = mean_of(net, g, to);
                if (!put(to, term[0], random.below(2) ? term[1] : -term[1], term[2], term[3])) return false;
                touch(to);
                if (random.below(4)) compensate(to, before);
                return true;
            }
            case BIAS: {
                const int neuron = random.below(N);
                const int to = g[net.bias_at(neuron)] + ((random.below(2) ? 1 : -1) << random.below(6));
                if (to < -16000 || to > 16000) return false;
                g[net.bias_at(neuron)] = int16_t(to);
                touch(neuron);
                return true;
            }
            case ROUND_BIAS: {  // a bit of the bias goes, or the bias goes whole
                const int neuron = random.below(N);
                const int bias = g[net.bias_at(neuron)];
                if (!bias) return false;
                const int bit = random.below(6), half = 1 << bit;
                const int to = random.below(8) ? ((bias + half) >> (bit + 1)) << (bit + 1) : 0;
                if (to == bias) return false;
                g[net.bias_at(neuron)] = int16_t(to);
                touch(neuron);
                return true;
            }
            case CLIP: {
                const int h = random.below(H);
                const int shift = g[net.shift_at(h)] + random.below(3) - 1, bits = g[net.bits_at(h)] + random.below(3) - 1;
                if (shift < 0 || shift > 12 || bits < 1 || bits > 10) return false;
                const bool scaled = shift != g[net.shift_at(h)] && random.below(2);
                const int step = shift - g[net.shift_at(h)];
                if (scaled)  // readers keep the scale
                    for (int o = 0; o < O; o++)
                        for (int t = 0; t < S; t++) {
                            int16_t *term = g + net.term_at(H + o, t);
                            if (!term[1] || term[0] != h) continue;
                            if (term[2] + step < 0 || term[2] + step > 10) return false;
                            term[2] = int16_t(term[2] + step);
                            if (step > 0) term[3] = int16_t(term[3] >> 1);
                            else term[3] = int16_t(term[3] << 1 | 1);
                            if (!term[3]) drop(H + o, t);
                            change.output[o] = true;
                        }
                g[net.shift_at(h)] = int16_t(shift);
                g[net.bits_at(h)] = int16_t(bits);
                change.hidden[h] = true;
                return true;
            }
            case COMPARE: {
                if (!net.matches) return false;
                const int m = random.below(net.matches);
                const int shift = g[net.key_at(m)] + random.below(3) - 1, width = g[net.width_at(m)] + random.below(3) - 1;
                if (shift < 0 || width < 1 || shift + width > 16) return false;
                g[net.key_at(m)] = int16_t(shift);
                g[net.width_at(m)] = int16_t(width);
                change.keys = true;
                return true;
            }
            case DROP_INPUT_BIT: case DROP_INPUT: {
                const bool inputs = random.below(2) || move == DROP_INPUT;
                const int source = random.below(inputs ? int(net.s.inputs) : H);
                const int bits = inputs ? net.input_bits[source] : g[net.bits_at(source)];
                const int mask = move == DROP_INPUT ? -1 : 1 << random.below(std::max(bits, 1));
                bool any = false;
                for (int n = inputs ? 0 : H; n < (inputs ? H : N); n++) {
                    bool here = false;
                    const double before = mean_of(net, g, n);
                    for (int t = 0; t < S; t++) {
                        int16_t *term = g + net.term_at(n, t);
                        if (!term[1] || term[0] != source || !(term[3] & mask)) continue;
                        term[3] = int16_t(term[3] & ~mask);
                        if (!term[3]) drop(n, t);
                        here = true;
                    }
                    if (here) {
                        touch(n);
                        compensate(n, before);
                        any = true;
                    }
                }
                return any;
            }
            case DROP_HIDDEN: {
                const int h = random.below(H);
                bool any = false;
                for (int o = 0; o < O; o++) {
                    bool here = false;
                    const double before = mean_of(net, g, H + o);
                    for (int t = 0; t < S; t++) {
                        const int16_t *term = g + net.term_at(H + o, t);
                        if (term[1] && term[0] == h) drop(H + o, t), here = true;
                    }
                    if (here) {
                        touch(H + o);
                        compensate(H + o, before);
                        any = true;
                    }
                }
                return any;
            }
            case COMMON_TERM: {  // off one score and, with the other sign, onto all others: the same winner
                const int o = random.below(O);
                int count = 0;
                for (int t = 0; t < S; t++) count += g[net.term_at(H + o, t) + 1] != 0;
                const int with_bias = random.below(count + 1);
                if (with_bias == count) {
                    const int bias = g[net.bias_at(H + o)];
                    if (!bias) return false;
                    for (int k = 0; k < O; k++) {
                        const int to = g[net.bias_at(H + k)] - bias;
                        if (to < -16000 || to > 16000) return false;
                        g[net.bias_at(H + k)] = int16_t(to);
                        change.output[k] = true;
                    }
                    return true;
                }
                int pick = with_bias;
                for (slot = 0; slot < S; slot++)
                    if (g[net.term_at(H + o, slot) + 1] && pick-- == 0) break;
                int16_t gone[4];
                std::memcpy(gone, g + net.term_at(H + o, slot), sizeof gone);
                drop(H + o, slot);
                change.output[o] = true;
                for (int k = 0; k < O; k++) {
                    if (k == o) continue;
                    bool cancelled = false;
                    for (int t = 0; t < S && !cancelled; t++) {
                        const int16_t *term = g + net.term_at(H + k, t);
                        cancelled = term[0] == gone[0] && term[1] == gone[1] && term[2] == gone[2] && term[3] == gone[3];
                        if (cancelled) drop(H + k, t);
                    }
                    if (!cancelled && !put(H + k, gone[0], -gone[1], gone[2], gone[3])) return false;
                    change.output[k] = true;
                }
                return true;
            }
        }
        return false;
    }
    // Whether an output may read a hidden neuron: it reads inputs, or it is a start for new ones.
    bool free_source(int h) {
        for (int t = 0; t < S; t++) if (g[net.term_at(h, t) + 1]) return true;
        return false;
    }
};

}  // namespace

extern "C" {

// What mirrors these is held against them when the library is loaded.
int64_t sizeof_Shape = sizeof(Shape), sizeof_Settings = sizeof(Settings);

Net *create(const Shape *shape, const int32_t *match_a, const int32_t *match_b, const int32_t *input_bits,
            const uint8_t *codes, const int64_t *labels, const int64_t *weights) {
    Net *net = new Net;
    net->s = *shape;
    Shape &s = net->s;
    net->neurons = int(s.hidden + s.outputs);
    net->matches = int(s.outputs) - 1;
    net->match_a.assign(match_a, match_a + net->matches);
    net->match_b.assign(match_b, match_b + net->matches);
    net->input_bits.assign(input_bits, input_bits + s.inputs);
    net->vectors = (s.rows + LANES - 1) / LANES;
    s.chunks = (net->vectors + CHUNK - 1) / CHUNK;
    const int64_t v = net->vectors;
    net->x.assign(s.inputs * v, Lane{});
    net->labels.assign(v, Lane{});
    net->weights.assign(v, Lane{});
    net->total_weight = 0;
    net->bit_mean.assign(s.inputs * 8, 0.0);
    for (int64_t r = 0; r < s.rows; r++) {
        for (int64_t i = 0; i < s.inputs; i++) {
            const int code = codes[r * s.inputs + i];
            net->x[i * v + r / LANES][r % LANES] = int16_t(code);
            for (int b = 0; b < 8; b++) net->bit_mean[i * 8 + b] += double(code >> b & 1) / double(s.rows);
        }
        net->labels[r / LANES][r % LANES] = int16_t(labels[r]);
        net->weights[r / LANES][r % LANES] = int16_t(weights[r]);
        net->total_weight += weights[r];
    }
    net->now.v.assign(net->size(), 0);
    for (auto *part : {&net->sums, &net->values, &net->new_sums, &net->new_values}) part->assign(s.hidden * v, Lane{});
    for (auto *part : {&net->scores, &net->new_scores}) part->assign(s.outputs * v, Lane{});
    net->chunk_errors.assign(s.chunks, 0);
    net->new_chunk_errors.assign(s.chunks, 0);
    net->hidden_mean.assign(s.hidden * 16, 0.0);
    return net;
}

void destroy(Net *net) { delete net; }

int64_t genome_size(const Net *net) { return net->size(); }

int64_t errors_of(Net *net, const int16_t *genome) { return load(*net, genome); }

// Counts of FEATURES and the area; whether all sums fit.
int64_t area_of(const Net *net, const int16_t *genome, const double *price, double *counts, double *area) {
    Area found;
    count_area(*net, genome, price, found);
    std::memcpy(counts, found.total.n, sizeof found.total.n);
    *area = found.area;
    return found.fits;
}

// Annealing from a genome. archive_area [steps] and archive_genomes [steps][size]: the smallest area found so far with
// errors up to (step + 1) / steps of the whole weight. Returns the number of archive entries that changed.
int64_t anneal(Net *net, const int16_t *start, Settings *settings, int64_t steps, double *archive_area,
               int16_t *archive_genomes, int64_t *archive_errors, int16_t *last) {
    Random random{settings->seed};
    load(*net, start);
    hidden_means(*net);
    Area area, next_area;
    count_area(*net, start, settings->price_features, area);
    const int size = net->size();
    std::vector<int16_t> next(start, start + size);
    const double total = double(net->total_weight);
    int shares[MOVES], all_shares = 0;
    for (int k = 0; k < MOVES; k++) all_shares += shares[k] = settings->levels[LEVEL[k]] ? SHARE[k] : 0;
    int64_t changed = 0, accepted = 0;
    auto record = [&](const int16_t *g, int64_t errors, double a) {
        const int64_t step = std::min<int64_t>(steps - 1, errors * steps / net->total_weight);
        if (a < archive_area[step] || (a == archive_area[step] && errors < archive_errors[step])) {
            archive_area[step] = a;
            archive_errors[step] = errors;
            std::memcpy(archive_genomes + step * size, g, size_t(size) * sizeof(int16_t));
            changed++;
        }
    };
    if (area.fits) record(start, net->errors, area.area);
    if (!all_shares) return changed;
    const int64_t cool_after = settings->moves - settings->moves / 4;
    for (int64_t move = 0; move < settings->moves; move++) {
        std::memcpy(next.data(), net->now.v.data(), size_t(size) * sizeof(int16_t));
        Change change;
        std::memset(&change, 0, sizeof change);
        Mutator mutator{*net, random, next.data(), change, int(net->s.hidden), int(net->s.outputs), int(net->s.slots),
                        net->neurons};
        int kind = 0;
        bool any = false;
        const int times = random.below(5) ? 1 : 2;
        for (int k = 0; k < times; k++) {
            int pick = random.below(all_shares);
            kind = 0;
            while (pick >= shares[kind]) pick -= shares[kind++];
            any |= mutator.apply(kind);
        }
        if (!any) continue;
        settings->tried[kind]++;
        count_area(*net, next.data(), settings->price_features, next_area);
        if (!next_area.fits) continue;
        const double t = move >= cool_after ? 0.0 : settings->temperature;
        const double slack = t * -std::log(std::max(random.uniform(), 1e-300));
        const double allowed = slack - settings->price * (next_area.area - area.area);
        const double limit = double(net->errors) + total * allowed;
        if (limit < 0) continue;
        settings->evaluated++;
        const int64_t errors = evaluate(*net, next.data(), change, int64_t(std::floor(limit + 1e-9)), settings->certainty);
        if (errors < 0) continue;
        settings->kept[kind]++;
        commit(*net, next.data(), change, errors);
        area = next_area;
        if (++accepted % 512 == 0) hidden_means(*net);
        record(next.data(), errors, area.area);
    }
    std::memcpy(last, net->now.v.data(), size_t(size) * sizeof(int16_t));
    return changed;
}

}  // extern "C"
