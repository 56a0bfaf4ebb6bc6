// The inner loop of the gate-level search: draw a change of one gate, evaluate its fan-out cone 64 rows a word, keep
// it or take it back. Memory belongs to the caller (approx/gates/state.py lays it out); nothing is allocated here.
//
// Places are: constant 0, constant 1, input bits, slots for gates (some free), output bits. A gate reads lower places
// only, so ascending place is a topological order. Functions are truth tables: bit a + 2 * b is the result.

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

enum Role : int32_t { INPUT = 0, GATE = 1, OUTPUT = 2, FREE = 3 };
enum Function : int32_t { BUFFER = 0b1010, INVERT = 0b0101, XOR = 0b0110, XNOR = 0b1001 };
enum Move { FUNCTION, REWIRE, REPLACE, SIMILAR, CONSTANT, INSERT, OUTPUTS, REBUILD, SWAP, PHASE, LEVEL, MOVES };
constexpr int64_t SIGNATURE_WORDS = 8;

struct Node {
    int32_t op, role, source[2], refs, head, live, place;
};

struct Edge {
    int32_t after, before;
};

struct Drained {
    int64_t before;
    int32_t node;
};

struct Delayed {
    double before;
    int32_t node;
};

}  // namespace

extern "C" {

// Mirrored field by field by inkling.approx.gates.kernel.StateLayout.
struct State {
    Node* nodes;          // [places]
    Edge* edges;          // [2 * places]; edge 2 * place + k is source k of a place, in the fan-out list of what it reads
    uint64_t* values;     // by block: [places, 2, words of the block], so that a block's signals lie close together
    uint8_t* current;     // [blocks, places], which of the two sides is true
    uint64_t* target;     // [outputs, words]
    uint64_t* valid;      // [words]
    int64_t* weight;      // [words]
    int64_t* first_word;  // [blocks + 1]
    uint64_t* errors;     // [2, words]
    uint8_t* error_side;  // [blocks]
    uint64_t* pending;    // [places / 64 + 1]
    int32_t* touched;     // [blocks, places]
    int64_t* touched_count;
    int32_t* killed;  // [places]
    int32_t* stack;   // [places + 4]
    double* area;     // [16]
    int64_t* leak;    // [16, 4], static power by function and state a + 2 * b of its sources, or null: area alone counts
    int64_t* drain;   // [blocks, places], what a gate draws, summed over the block's rows
    Drained* drained;  // [blocks, places]
    int64_t* drained_count;
    double* delay;    // [16], or null: paths may be as long as they like
    double* arrival;  // [places]
    Delayed* delayed;  // [places]
    double* input_size;      // [first_gate], what an input costs while something reads it, or null: inputs are free
    int32_t* group;          // [first_gate], of inputs that share one more part (a ladder), -1 for the constants
    double* group_size;      // [groups], what that part costs while an input of the group is read
    int64_t* group_readers;  // [groups], inputs of the group that are read
    int64_t places, words, blocks, first_gate, first_output, outputs, groups;
    int64_t live, killed_count, wrong, total_drain;
    double total_area, slowest;        // of the live gates and of the inputs that are read
    double drain_weight, delay_limit;  // size is area + drain_weight * drain
};

// The best circuit for each step of a logarithmic area scale, as copies of the node table.
struct Archive {
    int64_t* errors;  // [steps]
    double* size;     // [steps]
    Node* nodes;      // [steps, places]
    int64_t steps;
    double smallest, ratio;
};

struct Plan {
    double price, temperature, certainty;
    int64_t moves;
    int64_t share[MOVES];  // cumulative
    int64_t functions[16];
    int64_t function_count;
    int64_t tried[MOVES], kept[MOVES];  // counted up
    uint64_t random;
};

// What mirrors these is held against them when the library is loaded.
int64_t sizeof_Node = sizeof(Node), sizeof_State = sizeof(State), sizeof_Archive = sizeof(Archive),
        sizeof_Plan = sizeof(Plan);
}

namespace {

inline bool unary(int32_t op) { return op == BUFFER || op == INVERT; }

inline uint64_t* side(const State& s, int64_t block, int64_t node, int other) {
    const int which = s.current[block * s.places + node] ^ other;
    const int64_t low = s.first_word[block], n = s.first_word[block + 1] - low;
    return s.values + 2 * s.places * low + (node * 2 + which) * n;
}

void link(State& s, int32_t edge) {
    Node& node = s.nodes[s.nodes[edge >> 1].source[edge & 1]];
    s.edges[edge] = {node.head, -1};
    if (node.head >= 0) s.edges[node.head].before = edge;
    node.head = edge;
}

void unlink(State& s, int32_t edge) {
    const auto [after, before] = s.edges[edge];
    if (before >= 0)
        s.edges[before].after = after;
    else
        s.nodes[s.nodes[edge >> 1].source[edge & 1]].head = after;
    if (after >= 0) s.edges[after].before = before;
}

template <class F>
inline bool combine(const uint64_t* __restrict x, const uint64_t* __restrict y, const uint64_t* __restrict old,
                    uint64_t* __restrict fresh, int64_t n, F f) {
    uint64_t differs = 0;
    for (int64_t w = 0; w < n; w++) {
        const uint64_t word = f(x[w], y[w]);
        differs |= word ^ old[w];
        fresh[w] = word;
    }
    return differs != 0;
}

// Write a node's other side for one block; whether it differs from the current one.
bool evaluate(const State& s, int64_t block, int32_t op, int32_t a, int32_t b, int32_t node) {
    const int64_t n = s.first_word[block + 1] - s.first_word[block];
    const uint64_t *x = side(s, block, a, 0), *y = side(s, block, b, 0), *old = side(s, block, node, 0);
    uint64_t* fresh = side(s, block, node, 1);
    using W = uint64_t;
    switch (op) {
        case 0b0111: return combine(x, y, old, fresh, n, [](W p, W q) { return ~(p & q); });
        case 0b0001: return combine(x, y, old, fresh, n, [](W p, W q) { return ~(p | q); });
        case 0b1000: return combine(x, y, old, fresh, n, [](W p, W q) { return p & q; });
        case 0b1110: return combine(x, y, old, fresh, n, [](W p, W q) { return p | q; });
        case XOR: return combine(x, y, old, fresh, n, [](W p, W q) { return p ^ q; });
        case XNOR: return combine(x, y, old, fresh, n, [](W p, W q) { return ~(p ^ q); });
        case 0b0010: return combine(x, y, old, fresh, n, [](W p, W q) { return p & ~q; });
        case 0b0100: return combine(x, y, old, fresh, n, [](W p, W q) { return ~p & q; });
        case 0b1011: return combine(x, y, old, fresh, n, [](W p, W q) { return p | ~q; });
        case 0b1101: return combine(x, y, old, fresh, n, [](W p, W q) { return ~p | q; });
        case INVERT: return combine(x, x, old, fresh, n, [](W p, W) { return ~p; });
        default: return combine(x, x, old, fresh, n, [](W p, W) { return p; });
    }
}

inline double size(const State& s) {
    return s.leak ? s.total_area + s.drain_weight * double(s.total_drain) : s.total_area;
}

// What a gate draws on a block's rows, by how many of them put it in each of its states.
int64_t drained_by(const State& s, int64_t block, int32_t op, int32_t a, int32_t b) {
    if (op == BUFFER) return 0;
    const int64_t low = s.first_word[block], n = s.first_word[block + 1] - low;
    const uint64_t *x = side(s, block, a, 0), *y = side(s, block, unary(op) ? a : b, 0), *valid = s.valid + low;
    int64_t rows = 0, left = 0, right = 0, both = 0;
    for (int64_t w = 0; w < n; w++) {
        const uint64_t p = x[w] & valid[w], q = y[w] & valid[w];
        rows += __builtin_popcountll(valid[w]);
        left += __builtin_popcountll(p);
        right += __builtin_popcountll(q);
        both += __builtin_popcountll(p & q);
    }
    const int64_t* leak = s.leak + 4 * op;
    return leak[0] * (rows - left - right + both) + leak[1] * (left - both) + leak[2] * (right - both) + leak[3] * both;
}

// Note a candidate's drain of a gate on one block; by how much it changed.
int64_t redrain(State& s, int64_t block, int32_t node, int32_t op, int32_t a, int32_t b) {
    int64_t& drain = s.drain[block * s.places + node];
    const int64_t before = drain;
    drain = drained_by(s, block, op, a, b);
    s.drained[block * s.places + s.drained_count[block]++] = {before, node};
    return drain - before;
}

struct Change {
    int64_t errors, spread;  // weighted, and weighted by the square: the variance of a sample
    int64_t drain;
};

// Errors of a block from the outputs' current sides, written to the other error side.
Change score(const State& s, int64_t block) {
    const int64_t low = s.first_word[block], n = s.first_word[block + 1] - low;
    uint64_t* __restrict fresh = s.errors + (1 - s.error_side[block]) * s.words + low;
    const uint64_t* __restrict old = s.errors + s.error_side[block] * s.words + low;
    const uint64_t* __restrict valid = s.valid + low;
    const int64_t* __restrict weight = s.weight + low;
    for (int64_t o = 0; o < s.outputs; o++) {
        const uint64_t* __restrict value = side(s, block, s.first_output + o, 0);
        const uint64_t* __restrict target = s.target + o * s.words + low;
        if (o == 0)
            for (int64_t w = 0; w < n; w++) fresh[w] = value[w] ^ target[w];
        else
            for (int64_t w = 0; w < n; w++) fresh[w] |= value[w] ^ target[w];
    }
    int64_t errors = 0, spread = 0;
    for (int64_t w = 0; w < n; w++) {
        fresh[w] &= valid[w];
        const int64_t now = __builtin_popcountll(fresh[w]), then = __builtin_popcountll(old[w]);
        errors += weight[w] * (now - then);
        spread += weight[w] * weight[w] * __builtin_popcountll(fresh[w] ^ old[w]);
    }
    return {errors, spread, 0};
}

inline int64_t notify(const State& s, int32_t node, int64_t top) {
    for (int32_t edge = s.nodes[node].head; edge >= 0; edge = s.edges[edge].after) {
        const int32_t reader = edge >> 1;
        if (s.nodes[reader].refs <= 0) continue;  // killed by this candidate
        s.pending[reader >> 6] |= uint64_t(1) << (reader & 63);
        if ((reader >> 6) > top) top = reader >> 6;
    }
    return top;
}

// Evaluate what is pending from `word` to `top` on one block, `count` places having been touched before; `reached`:
// whether an output is among them. A negative touched_count says that the errors' side flipped too.
Change sweep(State& s, int64_t block, int64_t word, int64_t top, int64_t count, bool reached) {
    uint8_t* current = s.current + block * s.places;
    int32_t* touched = s.touched + block * s.places;
    int64_t drain = 0;
    while (word <= top) {
        const uint64_t bits = s.pending[word];
        if (!bits) {
            word++;
            continue;
        }
        s.pending[word] = bits & (bits - 1);
        const int32_t reader = int32_t(word << 6) + __builtin_ctzll(bits);
        const Node& r = s.nodes[reader];
        if (s.leak && reader < s.first_output)
            drain += redrain(s, block, reader, r.op, r.source[0], r.source[1]);
        if (!evaluate(s, block, r.op, r.source[0], r.source[1], reader)) continue;
        current[reader] ^= 1;
        touched[count++] = reader;
        if (reader >= s.first_output)
            reached = true;
        else
            top = notify(s, reader, top);
    }
    s.touched_count[block] = count;
    if (!reached) return {0, 0, drain};
    Change change = score(s, block);
    change.drain = drain;
    s.error_side[block] ^= 1;
    s.touched_count[block] = -count;
    return change;
}

// Evaluate a candidate's fan-out cone on one block.
Change propagate(State& s, int64_t block, int32_t node, int32_t op, int32_t a, int32_t b) {
    s.touched_count[block] = 0;
    int64_t drain = 0;
    if (s.leak) {
        s.drained_count[block] = 0;
        if (node < s.first_output) drain += redrain(s, block, node, op, a, b);
    }
    if (!evaluate(s, block, op, a, b, node)) return {0, 0, drain};
    uint8_t* current = s.current + block * s.places;
    int32_t* touched = s.touched + block * s.places;
    current[node] ^= 1;
    touched[0] = node;
    const Change change = sweep(s, block, node >> 6, notify(s, node, node >> 6), 1, node >= s.first_output);
    return {change.errors, change.spread, change.drain + drain};
}

void take_back(State& s, int64_t blocks) {
    for (int64_t block = 0; block < blocks; block++) {
        int64_t count = s.touched_count[block];
        if (count < 0) {
            s.error_side[block] ^= 1;
            count = -count;
        }
        for (int64_t i = 0; i < count; i++) s.current[block * s.places + s.touched[block * s.places + i]] ^= 1;
        if (s.leak)
            for (int64_t i = 0; i < s.drained_count[block]; i++) {
                const auto [before, node] = s.drained[block * s.places + i];
                s.drain[block * s.places + node] = before;
            }
    }
}

double path_to(const State& s, int32_t op, int32_t a, int32_t b) {
    const double left = s.arrival[a], right = unary(op) ? left : s.arrival[b];
    return s.delay[op] + (left > right ? left : right);
}

double slowest_output(const State& s) {
    double slowest = 0;
    for (int64_t node = s.first_output; node < s.places; node++)
        if (s.arrival[node] > slowest) slowest = s.arrival[node];
    return slowest;
}

// Time every place anew.
void retime(State& s) {
    for (int32_t node = int32_t(s.first_gate); node < s.places; node++) {
        const Node& n = s.nodes[node];
        if (n.role != FREE) s.arrival[node] = path_to(s, n.op, n.source[0], n.source[1]);
    }
    s.slowest = slowest_output(s);
}

// Time a candidate's fan-out cone; false, and nothing altered, where the slowest path would pass the limit and grow.
bool timely(State& s, int32_t node, int32_t op, int32_t a, int32_t b) {
    int64_t count = 0, word = node >> 6, top = word;
    int32_t here = node;
    double time = path_to(s, op, a, b);
    for (;;) {
        if (time != s.arrival[here]) {
            s.delayed[count++] = {s.arrival[here], here};
            s.arrival[here] = time;
            if (here < s.first_output) top = notify(s, here, top);
        }
        while (word <= top && !s.pending[word]) word++;
        if (word > top) break;
        here = int32_t(word << 6) + __builtin_ctzll(s.pending[word]);
        s.pending[word] &= s.pending[word] - 1;
        const Node& r = s.nodes[here];
        time = path_to(s, r.op, r.source[0], r.source[1]);
    }
    const double slowest = slowest_output(s);
    if (slowest <= s.delay_limit || slowest <= s.slowest) {
        s.slowest = slowest;
        return true;
    }
    while (count) {
        const auto [before, place] = s.delayed[--count];
        s.arrival[place] = before;
    }
    return false;
}

// Add references to a place; what an input that was not read before costs.
inline double reference(State& s, int32_t node, int32_t count) {
    Node& n = s.nodes[node];
    const bool enters = n.refs == 0;
    n.refs += count;
    if (!enters || !count || n.role != INPUT || !s.input_size || node <= 1) return 0;
    const int32_t group = s.group[node];
    return s.input_size[node] + (s.group_readers[group]++ ? 0 : s.group_size[group]);
}

// What falls away with an input that nothing reads any more.
inline double leave(State& s, int32_t node) {
    if (!s.input_size || node <= 1) return 0;
    const int32_t group = s.group[node];
    return s.input_size[node] + (--s.group_readers[group] ? 0 : s.group_size[group]);
}

// Take references away from a place that no gate ends with; what an input that is no longer read cost.
inline double dereference(State& s, int32_t node, int32_t count) {
    Node& n = s.nodes[node];
    n.refs -= count;
    return count && n.refs == 0 && n.role == INPUT ? leave(s, node) : 0;
}

// Drop one reference; gates that nothing reads any more are logged as killed. The area that falls away.
double release(State& s, int32_t start) {
    double area = 0;
    int64_t depth = 0;
    s.stack[depth++] = start;
    while (depth) {
        const int32_t node = s.stack[--depth];
        Node& n = s.nodes[node];
        if (--n.refs) continue;
        if (n.role != GATE) {
            area += leave(s, node);
            continue;
        }
        area += s.area[n.op];
        s.killed[s.killed_count++] = node;
        s.stack[depth++] = n.source[0];
        if (!unary(n.op)) s.stack[depth++] = n.source[1];
    }
    return area;
}

void drop_slot(State& s, int32_t node) {
    s.nodes[node].role = FREE;
    const int32_t last = s.nodes[--s.live].live;  // column `live` is the list of live gates, indexed by position
    s.nodes[s.nodes[node].place].live = last;
    s.nodes[last].place = s.nodes[node].place;
}

void take_slot(State& s, int32_t node, int32_t op, int32_t a, int32_t b) {
    Node& n = s.nodes[node];
    n.role = GATE;
    n.op = op;
    n.source[0] = a;
    n.source[1] = b;
    n.head = -1;
    n.place = int32_t(s.live);
    s.nodes[s.live++].live = node;
    link(s, 2 * node);
    if (!unary(op)) link(s, 2 * node + 1);
}

struct Choice {
    int32_t op, a, b;
};

// Fold constants, equal sources and double inverters; a unary result has b = a.
Choice normalise(const State& s, Choice c) {
    if (!unary(c.op)) {
        int32_t zero, one;
        if (c.a <= 1) {
            zero = c.op >> c.a & 1, one = c.op >> (c.a + 2) & 1;
            c.a = c.b;
        } else if (c.b <= 1) {
            zero = c.op >> (2 * c.b) & 1, one = c.op >> (2 * c.b + 1) & 1;
        } else if (c.a == c.b) {
            zero = c.op & 1, one = c.op >> 3 & 1;
        } else {
            return c;
        }
        if (zero == one) return {BUFFER, zero, zero};
        c.op = one ? BUFFER : INVERT;
    }
    if (c.op == INVERT) {
        if (c.a <= 1) return {BUFFER, 1 - c.a, 1 - c.a};
        const Node& n = s.nodes[c.a];
        if (n.role == GATE && n.op == INVERT) return {BUFFER, n.source[0], n.source[0]};
    }
    return {c.op, c.a, c.a};
}

// Count references as if `node` were already the choice; the change of the live area.
double exchange_references(State& s, int32_t node, const Choice& c) {
    Node& n = s.nodes[node];
    const bool gate = n.role == GATE, vanishes = gate && c.op == BUFFER;
    double area = reference(s, c.a, vanishes ? n.refs : 1);
    if (!unary(c.op)) area += reference(s, c.b, 1);
    if (gate) area += (vanishes ? 0 : s.area[c.op]) - s.area[n.op];
    area -= release(s, n.source[0]);
    if (!unary(n.op)) area -= release(s, n.source[1]);
    return area;
}

void restore_references(State& s, int32_t node, const Choice& c) {
    while (s.killed_count) {
        const Node& k = s.nodes[s.killed[--s.killed_count]];
        reference(s, k.source[0], 1);
        if (!unary(k.op)) reference(s, k.source[1], 1);
    }
    Node& n = s.nodes[node];
    reference(s, n.source[0], 1);
    if (!unary(n.op)) reference(s, n.source[1], 1);
    dereference(s, c.a, n.role == GATE && c.op == BUFFER ? n.refs : 1);
    if (!unary(c.op)) dereference(s, c.b, 1);
}

// Make an accepted choice the structure; a gate that became a buffer disappears and its readers read its source.
void adopt(State& s, int32_t node, const Choice& c) {
    Node& n = s.nodes[node];
    unlink(s, 2 * node);
    if (!unary(n.op)) unlink(s, 2 * node + 1);
    if (c.op == BUFFER && n.role == GATE) {
        for (int32_t edge = n.head; edge >= 0;) {
            const int32_t following = s.edges[edge].after;
            Node& reader = s.nodes[edge >> 1];
            reader.source[edge & 1] = c.a;
            if (unary(reader.op)) reader.source[1] = c.a;
            link(s, edge);
            edge = following;
        }
        n.head = -1;
        n.refs = 0;
        drop_slot(s, node);
    } else {
        n.op = c.op;
        n.source[0] = c.a;
        n.source[1] = c.b;
        link(s, 2 * node);
        if (!unary(c.op)) link(s, 2 * node + 1);
    }
    while (s.killed_count) {
        const int32_t dead = s.killed[--s.killed_count];
        unlink(s, 2 * dead);
        if (!unary(s.nodes[dead].op)) unlink(s, 2 * dead + 1);
        drop_slot(s, dead);
    }
}

// Count a fold's drain, which is of a changed function or of other sources, before it is adopted.
void drain_fold(State& s, int32_t node, const Choice& c) {
    for (int64_t block = 0; block < s.blocks; block++) {
        int64_t* drain = s.drain + block * s.places;
        for (int64_t i = 0; i < s.killed_count; i++) s.total_drain -= drain[s.killed[i]];
        s.total_drain -= drain[node];
        drain[node] = drained_by(s, block, c.op, c.a, c.b);
        s.total_drain += drain[node];
    }
}

// Fold the readers of `start` that became constant, unary or double inverters; no signal changes.
void fold_readers(State& s, int32_t start) {
    int32_t* todo = s.touched;  // free between candidates
    int64_t depth = 0;
    todo[depth++] = start;
    while (depth) {
        const int32_t node = todo[--depth];
        for (int32_t edge = s.nodes[node].head; edge >= 0;) {
            const int32_t reader = edge >> 1;
            edge = s.edges[edge].after;
            const Node& r = s.nodes[reader];
            if (r.role != GATE) continue;
            const Choice now{r.op, r.source[0], r.source[1]}, c = normalise(s, now);
            if (c.op == now.op && c.a == now.a && c.b == now.b) continue;
            s.killed_count = 0;
            s.total_area += exchange_references(s, reader, c);
            if (s.leak) drain_fold(s, reader, c);
            adopt(s, reader, c);
            if (c.op == BUFFER && c.a != node && depth < s.places) todo[depth++] = c.a;
            edge = s.nodes[node].head;  // the list was altered: start over
        }
    }
}

// Put a new gate into a free slot; what it and the inputs that it alone reads cost.
double insert(State& s, int32_t node, const Choice& c) {
    take_slot(s, node, c.op, c.a, c.b);
    s.nodes[node].refs = 0;
    return s.area[c.op] + reference(s, c.a, 1) + reference(s, c.b, 1);
}

void withdraw(State& s, int32_t node) {
    const Node& n = s.nodes[node];
    dereference(s, n.source[0], 1);
    dereference(s, n.source[1], 1);
    unlink(s, 2 * node);
    unlink(s, 2 * node + 1);
    drop_slot(s, node);
}

// Evaluate a candidate block after block with `evaluate_block`, which gives the change of one, until it is unlikely, at
// `certainty` standard deviations of a sample, that weighted errors + price * size grow by at most `limit`; what is kept
// was evaluated on all rows. cost: the price of the area that changes. Blocks done are counted in `done`.
template <class F>
bool weigh(State& s, double cost, double price, double limit, double certainty, int64_t& done, Change& total,
           F evaluate_block) {
    const double watt = s.leak ? price * s.drain_weight : 0;
    bool keep = cost - double(s.wrong) - watt * double(s.total_drain) <= limit;  // at best all errors are mended
    while (keep && done < s.blocks) {
        const Change more = evaluate_block(done++);
        total.errors += more.errors;
        total.spread += more.spread;
        total.drain += more.drain;
        const double growth = double(total.errors) + watt * double(total.drain);
        if (done == s.blocks) {
            keep = growth + cost <= limit;
        } else {
            const double share = double(s.first_word[done]) / double(s.words);
            keep = growth - certainty * std::sqrt((double(total.spread) + 4.0) * (1.0 - share)) <=
                   (limit - cost) * share;
        }
    }
    return keep;
}

// Try node := choice, reading the new gate `fresh` of so much area or, at -1, none. It is kept where weighted errors +
// price * size grow by at most `limit`.
bool attempt(State& s, int32_t node, const Choice& c, int32_t fresh, double area, double price, double limit,
             double certainty) {
    s.killed_count = 0;
    area += exchange_references(s, node, c);
    int64_t done = 0;
    Change total{0, 0, 0};
    bool keep = weigh(s, price * area, price, limit, certainty, done, total, [&](int64_t block) {
        int64_t drain = 0;
        if (fresh >= 0) {
            const Node& f = s.nodes[fresh];
            evaluate(s, block, f.op, f.source[0], f.source[1], fresh);
            s.current[block * s.places + fresh] ^= 1;
            if (s.leak)
                drain += s.drain[block * s.places + fresh] = drained_by(s, block, f.op, f.source[0], f.source[1]);
        }
        if (s.leak)
            for (int64_t i = 0; i < s.killed_count; i++) drain -= s.drain[block * s.places + s.killed[i]];
        const Change more = propagate(s, block, node, c.op, c.a, c.b);
        return Change{more.errors, more.spread, more.drain + drain};
    });
    if (keep && s.delay) {
        if (fresh >= 0) {
            const Node& f = s.nodes[fresh];
            s.arrival[fresh] = path_to(s, f.op, f.source[0], f.source[1]);
        }
        keep = timely(s, node, c.op, c.a, c.b);
    }
    if (!keep) {
        take_back(s, done);
        restore_references(s, node, c);
        return false;
    }
    s.wrong += total.errors;
    s.total_area += area;
    s.total_drain += total.drain;
    const bool collapses = c.op == BUFFER && s.nodes[node].role == GATE;
    adopt(s, node, c);
    if (collapses) {
        fold_readers(s, c.a);
        if (s.delay) retime(s);
    }
    return true;
}

// Let all that reads the input `from` read `to`, which nothing reads.
void reconnect(State& s, int32_t from, int32_t to) {
    for (int32_t edge = s.nodes[from].head; edge >= 0; edge = s.edges[edge].after) {
        Node& reader = s.nodes[edge >> 1];
        reader.source[edge & 1] = to;
        if (unary(reader.op)) reader.source[1] = to;
    }
    s.nodes[to].head = s.nodes[from].head;
    s.nodes[from].head = -1;
}

// Try an input in another's place for all of its readers, kept as in `attempt`; inputs all arrive at the same time.
bool attempt_level(State& s, int32_t from, int32_t to, double price, double limit, double certainty) {
    const int32_t readers = s.nodes[from].refs;
    const double entering = reference(s, to, readers), area = entering - dereference(s, from, readers);
    reconnect(s, from, to);
    int64_t done = 0;
    Change total{0, 0, 0};
    const bool keep = weigh(s, price * area, price, limit, certainty, done, total, [&](int64_t block) {
        if (s.leak) s.drained_count[block] = 0;
        const int64_t word = s.first_gate >> 6;
        return sweep(s, block, word, notify(s, to, word), 0, false);
    });
    if (!keep) {
        take_back(s, done);
        reconnect(s, to, from);
        reference(s, from, readers);
        dereference(s, to, readers);
        return false;
    }
    s.wrong += total.errors;
    s.total_area += area;
    s.total_drain += total.drain;
    return true;
}

struct Random {  // xorshift64*
    uint64_t state;
    uint32_t draw() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return uint32_t((state * 2685821657736338717ULL) >> 32);
    }
    int32_t below(int64_t bound) { return int32_t((uint64_t(draw()) * uint64_t(bound)) >> 32); }
    double uniform() { return (double(draw()) + 0.5) * (1.0 / 4294967296.0); }
};

struct Search {
    State& s;
    Plan& plan;
    Random random;

    int32_t live_gate() { return s.nodes[random.below(s.live)].live; }
    int32_t function() { return int32_t(plan.functions[random.below(plan.function_count)]); }

    // A place a few random steps (to a source, to a reader, to a neighbouring input bit) away.
    int32_t walk(int32_t here) {
        const int32_t first = int32_t(s.first_gate);
        const int steps = 2 + random.below(3);
        for (int step = 0; step < steps; step++) {
            bool down = step == 0 || random.below(2) == 0;
            if (here < first) {
                if (random.below(3) == 0) {
                    here += random.below(7) - 3;
                    here = here < 2 ? 2 : here >= first ? first - 1 : here;
                    continue;
                }
                down = false;
            }
            if (down) {
                here = s.nodes[here].source[random.below(2)];
                continue;
            }
            int32_t edge = s.nodes[here].head;
            for (int hops = random.below(4); hops > 0 && edge >= 0 && s.edges[edge].after >= 0; hops--)
                edge = s.edges[edge].after;
            if (edge >= 0 && s.nodes[edge >> 1].role == GATE) here = edge >> 1;
        }
        return here;
    }

    // Another input of the same group a few steps away, -1 where there is none.
    int32_t near_input(int32_t from) {
        if (from <= 1 || from >= s.first_gate) return -1;
        const int32_t reach = 1 << random.below(4);
        const int32_t to = from + 1 + random.below(reach), other = from - 1 - random.below(reach);
        const bool up = random.below(2);
        const int32_t places[2] = {up ? to : other, up ? other : to};
        for (const int32_t place : places)
            if (place > 1 && place < s.first_gate && s.group[place] == s.group[from]) return place;
        return -1;
    }

    // An input that something reads already, where inputs cost something.
    int32_t read_input() {
        for (int i = 0; i < 6; i++) {
            const int32_t found = s.nodes[live_gate()].source[random.below(2)];
            if (found > 1 && found < s.first_gate) return found;
        }
        return -1;
    }

    // A live place below `node`.
    int32_t pick(int32_t node) {
        const int32_t chance = random.below(100);
        if (chance < 50)
            for (int i = 0; i < 4; i++) {
                const int32_t found = walk(node);
                if (found < node && found > 1) return found;
            }
        if (chance < 80 && s.live > 0)
            for (int i = 0; i < 6; i++) {
                const int32_t found = live_gate();
                if (found < node) return found;
            }
        if (s.input_size && s.live > 0 && random.below(2)) {
            const int32_t found = read_input();
            if (found > 0) return found;
        }
        return 2 + random.below(s.first_gate - 2);
    }

    // Of some picks the one whose signal on some words is nearest to node's or to its complement.
    int32_t pick_similar(int32_t node, bool& inverted) {
        int32_t best = 0;
        int64_t best_distance = INT64_MAX;
        inverted = false;
        const int64_t words = s.first_word[1] < SIGNATURE_WORDS ? s.first_word[1] : SIGNATURE_WORDS;
        const uint64_t* mine = side(s, 0, node, 0);
        int64_t rows = 0;
        for (int64_t w = 0; w < words; w++) rows += __builtin_popcountll(s.valid[w]);
        for (int i = 0; i < 8; i++) {
            const int32_t other = pick(node);
            const uint64_t* theirs = side(s, 0, other, 0);
            int64_t distance = 0;
            for (int64_t w = 0; w < words; w++)
                distance += __builtin_popcountll((mine[w] ^ theirs[w]) & s.valid[w]);
            if (distance < best_distance) best = other, best_distance = distance, inverted = false;
            if (rows - distance < best_distance) best = other, best_distance = rows - distance, inverted = true;
        }
        return best;
    }

    int32_t free_slot(int32_t low, int32_t high) const {
        const int32_t last = low > high - 400 ? low : high - 400;
        for (int32_t node = high - 1; node > last; node--)
            if (s.nodes[node].role == FREE) return node;
        return -1;
    }

    // Draw one candidate and try it: 1 kept, 0 dropped, -1 nothing to try.
    int step(int& move, double limit) {
        const int32_t chance = random.below(plan.share[MOVES - 1]);
        for (move = 0; chance >= plan.share[move]; move++) {}
        if (s.live == 0) move = OUTPUTS;
        const int32_t node =
            move == OUTPUTS ? int32_t(s.first_output + random.below(s.outputs)) : live_gate();
        const Node& n = s.nodes[node];
        Choice c{n.op, n.source[0], n.source[1]};
        int32_t fresh = -1;
        double area = 0;
        switch (move) {
            case FUNCTION:
                if (unary(c.op)) return -1;
                c.op = function();
                break;
            case REWIRE:
                if (unary(c.op))
                    c.a = c.b = pick(node);
                else
                    (random.below(2) ? c.a : c.b) = pick(node);
                break;
            case REPLACE:
                c.op = random.below(4) ? BUFFER : INVERT;
                c.a = pick(node);
                break;
            case SIMILAR: {
                bool inverted;
                c.a = pick_similar(node, inverted);
                c.op = inverted ? INVERT : BUFFER;
                break;
            }
            case CONSTANT:
                c.op = BUFFER;
                c.a = random.below(2);
                break;
            case INSERT: {  // a new gate of one source and another place takes that source's part
                const bool second = random.below(2) && !unary(c.op);
                const Choice f = normalise(s, {function(), second ? c.b : c.a, pick(node)});
                if (unary(f.op)) return -1;
                fresh = free_slot(f.a > f.b ? f.a : f.b, node);
                if (fresh < 0) return -1;
                if (random.below(3) == 0) {
                    if (unary(c.op)) c.b = pick(node);
                    c.op = function();
                }
                (second ? c.b : c.a) = fresh;
                area = insert(s, fresh, f);
                break;
            }
            case OUTPUTS: {
                bool inverted;
                if (s.input_size && random.below(s.live ? 6 : 2) == 0) {  // a new gate, also where none is left
                    const Choice f = normalise(s, {function(), random.below(2) ? c.a : pick(node), pick(node)});
                    if (unary(f.op)) return -1;
                    fresh = free_slot(f.a > f.b ? f.a : f.b, node);
                    if (fresh < 0) return -1;
                    c.a = c.b = fresh;
                    area = insert(s, fresh, f);
                    break;
                }
                c.a = random.below(8) == 0 ? random.below(2) : random.below(4) ? pick(node) : pick_similar(node, inverted);
                break;
            }
            case REBUILD:
                c = {function(), pick(node), pick(node)};
                break;
            case SWAP: {  // another gate's source in place of one's own
                const Node& other = s.nodes[live_gate()];
                const int32_t theirs = other.source[random.below(2)];
                if (unary(c.op) || theirs >= node) return -1;
                c.op = function();
                (random.below(2) ? c.a : c.b) = theirs;
                break;
            }
            case LEVEL: {  // an input next to one that is read, in all of its places or in this one
                if (!s.input_size) return -1;
                const int which = unary(c.op) ? 0 : random.below(2);
                const int32_t from = which ? c.b : c.a, to = near_input(from);
                if (to < 0) return -1;
                if (s.nodes[to].refs == 0 && (s.nodes[from].refs == 1 || random.below(4)))
                    return attempt_level(s, from, to, plan.price, limit, plan.certainty);
                (which ? c.b : c.a) = to;
                break;
            }
            default: {  // PHASE: read what an inverter or another gate's function of the same sources would give
                const int which = unary(c.op) ? 0 : random.below(2);
                const int32_t from = which ? c.b : c.a;
                const Node& f = s.nodes[from];
                if (f.role != GATE) return -1;
                if (unary(c.op)) {  // an inverter of a gate, or an output, becomes that gate with another function
                    if (node >= s.first_output || unary(f.op)) return -1;
                    c = {function(), f.source[0], f.source[1]};
                } else {  // pass over the source gate
                    (which ? c.b : c.a) = f.source[random.below(2)];
                    c.op = function();
                }
            }
        }
        c = normalise(s, c);
        const bool same = c.op == n.op && c.a == n.source[0] && c.b == n.source[1];
        const bool unread = fresh >= 0 && c.a != fresh && c.b != fresh;
        if (same || unread || c.a == node || (node >= s.first_output && c.op != BUFFER)) {
            if (fresh >= 0) withdraw(s, fresh);
            return -1;
        }
        const bool kept = attempt(s, node, c, fresh, area, plan.price, limit, plan.certainty);
        if (fresh >= 0 && !kept) withdraw(s, fresh);
        return kept;
    }
};

}  // namespace

extern "C" {

// Complete freshly laid out places: drop unread gates, fan-out lists, reference counts, signals, errors and area.
void initialise(State& s) {
    s.live = s.wrong = s.killed_count = s.total_drain = 0;
    s.total_area = s.slowest = 0;
    if (s.input_size) std::memset(s.group_readers, 0, size_t(s.groups) * sizeof *s.group_readers);
    for (int64_t node = 0; node < s.places; node++) {
        s.nodes[node].refs = node >= s.first_output;
        s.nodes[node].head = -1;
    }
    for (int32_t node = int32_t(s.places) - 1; node >= s.first_gate; node--) {
        Node& n = s.nodes[node];
        if (n.role == GATE && n.refs == 0) n.role = FREE;
        if (n.role == FREE) continue;
        s.total_area += reference(s, n.source[0], 1);
        if (!unary(n.op)) s.total_area += reference(s, n.source[1], 1);
    }
    for (int32_t node = int32_t(s.first_gate); node < s.places; node++) {
        const Node& n = s.nodes[node];
        if (n.role == GATE) {
            take_slot(s, node, n.op, n.source[0], n.source[1]);
            s.total_area += s.area[n.op];
        } else if (n.role == OUTPUT) {
            link(s, 2 * node);
        }
    }
    std::memset(s.current, 0, size_t(s.blocks * s.places));
    std::memset(s.errors, 0, size_t(2 * s.words) * sizeof *s.errors);
    std::memset(s.pending, 0, size_t(s.places / 64 + 1) * sizeof *s.pending);
    for (int64_t block = 0; block < s.blocks; block++) {
        s.error_side[block] = 0;
        for (int32_t node = int32_t(s.first_gate); node < s.places; node++) {
            const Node& n = s.nodes[node];
            if (n.role == FREE) continue;
            evaluate(s, block, n.op, n.source[0], n.source[1], node);
            s.current[block * s.places + node] = 1;
            if (s.leak && n.role == GATE)
                s.total_drain += s.drain[block * s.places + node] =
                    drained_by(s, block, n.op, n.source[0], n.source[1]);
        }
        s.wrong += score(s, block).errors;
        s.error_side[block] = 1;
    }
    // Constants that the circuit came with; each fold may make others.
    for (int32_t node = 0; node < s.first_output; node++)
        if (s.nodes[node].role != FREE) fold_readers(s, node);
    if (s.delay) retime(s);
}

// Check the incremental state against a whole evaluation: 0 where sound, else the number of the first rule broken: 1 a
// signal, 2 errors, 3 a reference count, 4 the area, 5 the order of places, 6 the list of live gates, 7 a fan-out list,
// 8 static power, 9 delay, 10 inputs of a group.
int64_t recount(State& s) {
    double area = 0;
    int64_t live = 0, wrong = 0, drain = 0;
    int32_t* refs = s.touched;  // free between candidates
    std::memset(refs, 0, size_t(s.places) * sizeof *refs);
    for (int32_t node = int32_t(s.first_gate); node < s.places; node++) {
        const Node& n = s.nodes[node];
        if (n.role == FREE) continue;
        for (int k = 0; k < (unary(n.op) ? 1 : 2); k++) {
            const int32_t source = n.source[k], edge = 2 * node + k;
            if (source >= node || s.nodes[source].role == FREE) return 5;
            refs[source]++;
            const int32_t before = s.edges[edge].before;
            if ((before < 0 ? s.nodes[source].head : s.edges[before].after) != edge) return 7;
        }
        if (n.role == GATE) {
            live++;
            area += s.area[n.op];
            if (s.nodes[n.place].live != node) return 6;
        }
        for (int64_t block = 0; block < s.blocks; block++) {
            if (evaluate(s, block, n.op, n.source[0], n.source[1], node)) return 1;
            if (!s.leak || n.role != GATE) continue;
            const int64_t drained = drained_by(s, block, n.op, n.source[0], n.source[1]);
            if (drained != s.drain[block * s.places + node]) return 8;
            drain += drained;
        }
        if (s.delay && path_to(s, n.op, n.source[0], n.source[1]) != s.arrival[node]) return 9;
    }
    for (int64_t block = 0; block < s.blocks; block++) {
        if (score(s, block).spread) return 2;
        const uint64_t* errors = s.errors + s.error_side[block] * s.words;
        for (int64_t w = s.first_word[block]; w < s.first_word[block + 1]; w++)
            wrong += s.weight[w] * __builtin_popcountll(errors[w]);
    }
    if (wrong != s.wrong) return 2;
    if (drain != s.total_drain) return 8;
    if (s.delay && slowest_output(s) != s.slowest) return 9;
    for (int64_t node = 0; node < s.first_output; node++) {
        const Node& n = s.nodes[node];
        if (n.role != FREE && n.refs != refs[node]) return 3;
        if (n.role == GATE && n.refs == 0) return 3;
    }
    if (s.input_size) {
        int64_t used = 0;
        for (int64_t group = 0; group < s.groups; group++) {
            int64_t readers = 0;
            for (int64_t node = 2; node < s.first_gate; node++) readers += s.group[node] == group && refs[node];
            if (readers != s.group_readers[group]) return 10;
            if (readers) area += s.group_size[group];
            used += readers;
        }
        for (int64_t node = 2; node < s.first_gate; node++)
            if (refs[node]) area += s.input_size[node], used--;
        if (used) return 10;
    }
    if (std::fabs(area - s.total_area) > 1e-6 * (1 + area)) return 4;
    return live == s.live ? 0 : 6;
}

// `plan.moves` draws at one price of area and one temperature (both in weighted errors), filling the archive.
// The number of candidates that were evaluated.
int64_t anneal(State& s, Archive& archive, Plan& plan) {
    Search search{s, plan, {plan.random}};
    int64_t evaluated = 0;
    for (int64_t i = 0; i < plan.moves; i++) {
        const double limit = plan.temperature > 0 ? -plan.temperature * std::log(search.random.uniform()) : 0;
        int move;
        const int outcome = search.step(move, limit);
        if (outcome < 0) continue;
        evaluated++;
        plan.tried[move]++;
        if (!outcome) continue;
        plan.kept[move]++;
        if (s.delay && s.slowest > s.delay_limit) continue;
        const double reached = size(s);
        int64_t step = int64_t(std::log1p(reached / archive.smallest) / archive.ratio);
        if (step >= archive.steps) step = archive.steps - 1;
        if (s.wrong > archive.errors[step]) continue;
        if (s.wrong == archive.errors[step] && reached >= archive.size[step] * 0.9999) continue;
        archive.errors[step] = s.wrong;
        archive.size[step] = reached;
        std::memcpy(archive.nodes + step * s.places, s.nodes, size_t(s.places) * sizeof(Node));
    }
    plan.random = search.random.state;
    return evaluated;
}
}
