// Stuck-at fault simulation over a netlist, 64 rows a machine word. What a fault is, and how arrays are laid out, is
// said in simulation.py, which calls this; nothing is decided here.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using Word = uint64_t;

struct Netlist {
    int64_t gates, first, words, outputs;
    const int64_t* arity;     // of every kind of cell
    const uint64_t* tables;   // bit m: the output for minterm m
    const int32_t* sources;   // [gates, pins]
    int64_t pins;
    const uint8_t* kinds;     // [gates]
    const int32_t* output_nodes;
};

// One cell on all words; pins[k] are its inputs.
void cell(const Netlist& n, int kind, const Word* const* pins, Word* out) {
    const int inputs = static_cast<int>(n.arity[kind]);
    const uint64_t table = n.tables[kind];
    if (inputs == 2) {
        Word mask[4];
        for (int m = 0; m < 4; m++) mask[m] = (table >> m & 1) ? ~Word{0} : 0;
        const Word *a = pins[0], *b = pins[1];
        for (int64_t w = 0; w < n.words; w++) {
            out[w] = (mask[0] & ~a[w] & ~b[w]) | (mask[1] & a[w] & ~b[w]) | (mask[2] & ~a[w] & b[w]) |
                     (mask[3] & a[w] & b[w]);
        }
        return;
    }
    for (int64_t w = 0; w < n.words; w++) {
        Word total = 0;
        for (int m = 0; m < 1 << inputs; m++) {
            if (!(table >> m & 1)) continue;
            Word term = ~Word{0};
            for (int k = 0; k < inputs; k++) term &= (m >> k & 1) ? pins[k][w] : ~pins[k][w];
            total |= term;
        }
        out[w] = total;
    }
}

// Every node, rows of `held` (0, 1, or -1 for a node that works) forced; planes are those of the input bits.
void evaluate(const Netlist& n, const Word* planes, const int8_t* held, Word* values) {
    for (int64_t node = 0; node < n.first + n.gates; node++) {
        Word* out = values + node * n.words;
        if (node < 2) {
            std::fill(out, out + n.words, node ? ~Word{0} : Word{0});
        } else if (held && held[node] >= 0) {
            std::fill(out, out + n.words, held[node] ? ~Word{0} : Word{0});
        } else if (node < n.first) {
            std::memcpy(out, planes + (node - 2) * n.words, n.words * sizeof(Word));
        } else {
            const int64_t g = node - n.first;
            const Word* pins[8];
            for (int k = 0; k < n.arity[n.kinds[g]]; k++) pins[k] = values + n.sources[g * n.pins + k] * n.words;
            cell(n, n.kinds[g], pins, out);
        }
    }
}

int64_t right_rows(const Netlist& n, const Word* values, const Word* labels, const Word* valid) {
    int64_t hits = 0;
    for (int64_t w = 0; w < n.words; w++) {
        Word wrong = 0;
        for (int64_t k = 0; k < n.outputs; k++) {
            wrong |= values[n.output_nodes[k] * n.words + w] ^ labels[k * n.words + w];
        }
        hits += __builtin_popcountll(~wrong & valid[w]);
    }
    return hits;
}

}  // namespace

// What mirrors it is held against this when the library is loaded.
extern "C" {
int64_t sizeof_Netlist = sizeof(Netlist);
}

extern "C" void inkling_faults(const Netlist* netlist, const Word* planes, const Word* labels, const Word* valid,
                               const int32_t* first_reader, const int32_t* readers, int64_t faults,
                               const int32_t* node, const int32_t* gate, const int32_t* pin, const uint8_t* value,
                               Word* changed, int64_t* right) {
    const Netlist& n = *netlist;
    const int64_t nodes = n.first + n.gates, bytes = n.words * static_cast<int64_t>(sizeof(Word));
    std::vector<Word> good(nodes * n.words), now, made(n.words), stuck[2];
    for (int v = 0; v < 2; v++) stuck[v].assign(n.words, v ? ~Word{0} : Word{0});
    evaluate(n, planes, nullptr, good.data());
    now = good;
    std::vector<uint8_t> waiting(n.gates, 0);
    std::vector<int32_t> moved;
    for (int64_t f = 0; f < faults; f++) {
        moved.clear();
        int64_t low = n.gates, high = -1;
        auto wake = [&](int64_t site) {
            for (int32_t r = first_reader[site]; r < first_reader[site + 1]; r++) {
                waiting[readers[r]] = 1;
                low = std::min<int64_t>(low, readers[r]);
                high = std::max<int64_t>(high, readers[r]);
            }
        };
        if (gate[f] < 0) {
            std::memcpy(&now[node[f] * n.words], stuck[value[f]].data(), bytes);
            moved.push_back(node[f]);
            wake(node[f]);
        } else {
            waiting[gate[f]] = 1;
            low = high = gate[f];
        }
        // Sources come before the gates that read them, so one pass upwards is enough.
        for (int64_t g = low; g <= high; g++) {
            if (!waiting[g]) continue;
            waiting[g] = 0;
            const Word* pins[8];
            for (int k = 0; k < n.arity[n.kinds[g]]; k++) {
                pins[k] = g == gate[f] && k == pin[f] ? stuck[value[f]].data() : &now[n.sources[g * n.pins + k] * n.words];
            }
            cell(n, n.kinds[g], pins, made.data());
            const int64_t target = n.first + g;
            if (std::memcmp(made.data(), &good[target * n.words], bytes)) {
                std::memcpy(&now[target * n.words], made.data(), bytes);
                moved.push_back(static_cast<int32_t>(target));
                wake(target);
            }
        }
        for (int64_t w = 0; w < n.words; w++) {
            Word differs = 0;
            for (int64_t k = 0; k < n.outputs; k++) {
                const int64_t at = n.output_nodes[k] * n.words + w;
                differs |= now[at] ^ good[at];
            }
            changed[f * n.words + w] = differs & valid[w];
        }
        right[f] = right_rows(n, now.data(), labels, valid);
        for (const int32_t site : moved) std::memcpy(&now[site * n.words], &good[site * n.words], bytes);
    }
}

extern "C" void inkling_stuck(const Netlist* netlist, const Word* planes, const Word* labels, const Word* valid,
                              int64_t draws, const int8_t* held, int64_t* right) {
    const Netlist& n = *netlist;
    const int64_t nodes = n.first + n.gates;
    std::vector<Word> values(nodes * n.words);
    for (int64_t d = 0; d < draws; d++) {
        evaluate(n, planes, held + d * nodes, values.data());
        right[d] = right_rows(n, values.data(), labels, valid);
    }
}
