// The update rule and its gradients for the cells that are alive and fire, one digit at a time. README.md beside this
// file explains it. All numbers are float32; names and shapes are those of `ca.engine`.

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>

#include "products.h"
#include "threads.h"

namespace {

constexpr int STATE = 19, CLASSES = 10, HIDDEN = 80, TAPS = 9;
constexpr int CHANNELS = 1 + STATE;      // in PyTorch: the liveness, then the state
constexpr int ROW = STATE + 1;           // here: the state, then the liveness
constexpr int PERCEIVED = TAPS * STATE;  // inputs that change from tick to tick
constexpr int SENT = 176;                // as many, in whole vectors
constexpr int RESIDUAL = 32;             // outputs, in whole vectors
constexpr int CHUNK = 20 * BLOCK;        // rows that go through all layers together
constexpr size_t LINE = 64;              // bytes of the cache

alignas(LINE) const float ZEROS[SENT] = {};
const auto zeros = [](int) { return ZEROS; };

// A model's weights, (outputs, inputs), in the orders in which the products read them.
struct alignas(LINE) Weights {
    float liveness[TAPS][HIDDEN], perception_bias[HIDDEN];
    float perception[PERCEIVED][HIDDEN], perception_back[HIDDEN][SENT];
    float hidden[HIDDEN][HIDDEN], hidden_back[HIDDEN][HIDDEN], hidden_bias[HIDDEN];
    float residual[HIDDEN][RESIDUAL], residual_back[STATE][HIDDEN], residual_bias[RESIDUAL];

    Weights(const float* w1, const float* b1, const float* w2, const float* b2, const float* w3, const float* b3) {
        std::memset(static_cast<void*>(this), 0, sizeof *this);
        for (int o = 0; o < HIDDEN; o++) {
            for (int tap = 0; tap < TAPS; tap++) {
                liveness[tap][o] = *w1++;
                for (int s = tap * STATE; s < (tap + 1) * STATE; s++) perception[s][o] = perception_back[o][s] = *w1++;
            }
            for (int i = 0; i < HIDDEN; i++) hidden[i][o] = hidden_back[o][i] = *w2++;
        }
        for (int o = 0; o < STATE; o++)
            for (int i = 0; i < HIDDEN; i++) residual[i][o] = residual_back[o][i] = *w3++;
        std::copy(b1, b1 + HIDDEN, perception_bias);
        std::copy(b2, b2 + HIDDEN, hidden_bias);
        std::copy(b3, b3 + STATE, residual_bias);
    }
};

// Their gradients, in the orders in which these are summed up.
struct alignas(LINE) Gradients {
    float perception[TAPS][ROW][HIDDEN], perception_bias[HIDDEN];
    float hidden[HIDDEN][HIDDEN], hidden_bias[HIDDEN];
    float residual[ROW][HIDDEN], residual_bias[RESIDUAL];
};

// Memory that is only given back at the end, for memory that is mapped anew is slow. It starts at a line of the cache.
class Buffer {
    std::unique_ptr<float, void (*)(void*)> memory{nullptr, std::free};
    size_t size = 0;

   public:
    float* grow(size_t needed) {
        if (needed > size) {
            size = (needed + needed / 8) / LINE * LINE + LINE;
            memory.reset();
            memory.reset(static_cast<float*>(std::aligned_alloc(LINE, size * sizeof(float))));
            if (!memory) throw std::bad_alloc();
        }
        return data();
    }
    float* data() { return memory.get(); }
};

// Where a digit's cells are among those of the batch.
struct Place {
    int alive, first;        // cells that are alive, and the first one's row
    int faint, first_faint;  // cells that are dead but have a little ink, which their neighbours see
};

// One digit's rollout. Rows are its alive cells, its faint ones, and last a dead neighbour for all that has no ink.
struct Digit {
    int alive, rows;
    std::vector<int> cell_at;       // the row of each pixel
    std::vector<int> neighbours;    // (rows, 9); the dead neighbour fills up blocks too, beside itself
    std::vector<int> fired, first;  // cells that fire, tick by tick in whole blocks; (ticks + 1) where ticks start
    std::vector<int> count;         // (ticks) how many fire
    std::vector<const float*> seen;
    Buffer start;                   // (rows, 80) the bias, and the liveness's share of the perception
    Buffer state;                   // (ticks + 1, rows, 20)
    Buffer perception, hidden;      // (fired, 80)
    Buffer grad;                    // (rows, 32) of the state, in whole lines of the cache
    Buffer grad_residual, grad_hidden, grad_perception, sent;  // of the cells that fire in a tick
    std::unique_ptr<Gradients> gradients;  // only where there is a backward pass

    int dead() const { return rows - 1; }
    float* state_at(int tick) { return state.data() + static_cast<size_t>(tick) * rows * ROW; }
};

// What a rollout leaves for its backward pass. It is used again.
struct Tape {
    int digits = 0, ticks = 0;
    std::vector<Place> places;
    std::vector<int> largest_first;  // digits, in the order in which threads take them
    std::vector<std::unique_ptr<Digit>> all;
    std::unique_ptr<Weights> weights;
};

// The cells that a rollout is given, row by row.
struct Given {
    const float* cells;         // (rows, 20)
    const int64_t *y, *x;       // (rows) where they lie
    int64_t width, num_pixels;  // of a grid with a margin
};

void read_cells(Digit& d, const Weights& w, Place place, const Given& given) {
    float *state = d.state_at(0), *start = d.start.grow(d.rows * HIDDEN);
    const auto row_of = [&](int n) { return n < place.alive ? place.first + n : place.first_faint + n - place.alive; };
    const auto pixel_of = [&](int n) { return (given.y[row_of(n)] + 1) * given.width + given.x[row_of(n)] + 1; };
    d.cell_at.assign(given.num_pixels, d.dead());
    for (int n = 0; n < d.dead(); n++) {
        d.cell_at[pixel_of(n)] = n;
        const float* cell = given.cells + static_cast<int64_t>(row_of(n)) * CHANNELS;
        std::copy(cell + 1, cell + CHANNELS, state + n * ROW);
        if (n >= d.alive) std::fill_n(state + n * ROW, STATE, 0.0f);
        state[n * ROW + STATE] = cell[0];
    }
    std::fill_n(state + d.dead() * ROW, ROW, 0.0f);
    std::fill_n(start + d.dead() * HIDDEN, HIDDEN, 0.0f);
    d.neighbours.assign(d.rows * TAPS, d.dead());
    for (int n = 0; n < d.alive; n++) {
        std::copy(w.perception_bias, w.perception_bias + HIDDEN, start + n * HIDDEN);
        for (int tap = 0; tap < TAPS; tap++) {
            const int there = d.cell_at[pixel_of(n) + (tap / 3 - 1) * given.width + tap % 3 - 1];
            d.neighbours[n * TAPS + tap] = there;
            const float level = state[there * ROW + STATE];
            for (int i = 0; i < HIDDEN; i++) start[n * HIDDEN + i] += level * w.liveness[tap][i];
        }
    }
}

void read_fires(Digit& d, int ticks, const bool* fires, int64_t stride) {
    d.fired.resize(static_cast<size_t>(ticks) * (d.alive + BLOCK));
    d.first.assign(1, 0);
    d.count.clear();
    int end = 0;
    for (int tick = 0; tick < ticks; tick++, fires += stride) {
        for (int cell = 0; cell < d.alive; cell++) {
            d.fired[end] = cell;
            end += fires[cell];
        }
        d.count.push_back(end - d.first.back());
        while (end % BLOCK) d.fired[end++] = d.dead();
        d.first.push_back(end);
    }
}

// What is seen of a digit after each tick, if anything; its numbers lie `stride` digits apart from tick to tick.
struct Observation {
    int64_t* votes;   // (ticks, digits, 10) cells whose largest output is a class's
    double* sums;     // (ticks, digits, 2) of the absolute state, and of the absolute residual of the cells that fired
    int64_t stride;

    void see_state(int tick, const float* state, int alive) const {
        int64_t* ballots = votes + tick * stride * CLASSES;
        double sum = 0;
        for (const float* row = state; row < state + alive * ROW; row += ROW) {
            const float* outputs = row + STATE - CLASSES;
            ballots[std::max_element(outputs, outputs + CLASSES) - outputs]++;
            sum += sum_of_absolutes(row);
        }
        sums[tick * stride * 2] = sum;
    }
    void see_residual(int tick, const float* residual) const {
        sums[tick * stride * 2 + 1] += sum_of_absolutes(residual);
    }

   private:
    static float sum_of_absolutes(const float* numbers) {
        float sum = 0;
        for (int i = 0; i < STATE; i++) sum += std::abs(numbers[i]);
        return sum;
    }
};

// All ticks. Without `keep`, nothing is left but the last state, at tick ticks % 2.
void forward(Digit& d, const Weights& w, int ticks, bool keep, const float* noise, const int64_t* noise_first,
             const Observation* observation) {
    const float* start = d.start.data();
    alignas(LINE) float residual[CHUNK * RESIDUAL];
    for (int tick = 0; tick < ticks; tick++) {
        const float* before = d.state_at(keep ? tick : tick % 2);
        float* after = d.state_at(keep ? tick + 1 : (tick + 1) % 2);
        std::copy(before, before + d.rows * ROW, after);
        const float* added = noise + noise_first[tick] * STATE;
        for (int from = d.first[tick]; from < d.first[tick + 1]; from += CHUNK) {
            const int rows = std::min(CHUNK, d.first[tick + 1] - from);
            const int* fired = &d.fired[from];
            const float* seen[TAPS][CHUNK];
            for (int tap = 0; tap < TAPS; tap++)
                for (int r = 0; r < rows; r++) seen[tap][r] = before + d.neighbours[fired[r] * TAPS + tap] * ROW;
            float* perception = d.perception.data() + (keep ? static_cast<size_t>(from) * HIDDEN : 0);
            float* hidden = d.hidden.data() + (keep ? static_cast<size_t>(from) * HIDDEN : 0);
            product<HIDDEN, COLUMNS>(
                rows, [&](int r) { return start + fired[r] * HIDDEN; }, TAPS, STATE,
                [&](int tap, int r, int k) { return seen[tap][r][k]; }, w.perception[0], HIDDEN,
                store_relu(perception, HIDDEN));
            product<HIDDEN, COLUMNS>(
                rows, [&](int) { return w.hidden_bias; }, 1, HIDDEN,
                [&](int, int r, int k) { return perception[r * HIDDEN + k]; }, w.hidden[0], HIDDEN,
                store_relu(hidden, HIDDEN));
            product<RESIDUAL, 2>(
                rows, [&](int) { return w.residual_bias; }, 1, HIDDEN,
                [&](int, int r, int k) { return hidden[r * HIDDEN + k]; }, w.residual[0], RESIDUAL,
                store(residual, RESIDUAL));
            const int count = std::min(rows, d.first[tick] + d.count[tick] - from);
            for (int r = 0; r < count; r++, added += STATE) {
                if (observation) observation->see_residual(tick, residual + r * RESIDUAL);
                add<STATE>(residual + r * RESIDUAL, added);
                add<STATE>(after + fired[r] * ROW, residual + r * RESIDUAL);
            }
        }
        if (observation) observation->see_state(tick, after, d.alive);
    }
}

// Bring a ninth of what the tick before kept back into the cache, while something else is summed up.
void fetch_before(Digit& d, int tick, int part) {
    if (tick == 0) return;
    const int first = d.first[tick - 1], rows = d.first[tick] - first;
    for (int r = first + rows * part / TAPS; r < first + rows * (part + 1) / TAPS; r++)
        for (size_t i = 0; i < HIDDEN; i += LINE / sizeof(float)) {
            __builtin_prefetch(d.perception.data() + static_cast<size_t>(r) * HIDDEN + i);
            __builtin_prefetch(d.hidden.data() + static_cast<size_t>(r) * HIDDEN + i);
        }
}

// One tick back: `d.grad` becomes the gradient of the state before it.
void backward(Digit& d, const Weights& w, int tick) {
    Gradients& g = *d.gradients;
    const int count = d.count[tick], first = d.first[tick], rows = d.first[tick + 1] - first;
    const int* fired = &d.fired[first];
    const float* perception = d.perception.data() + static_cast<size_t>(first) * HIDDEN;
    const float* hidden = d.hidden.data() + static_cast<size_t>(first) * HIDDEN;
    float *grad = d.grad.data(), *grad_residual = d.grad_residual.data(), *grad_hidden = d.grad_hidden.data();
    float *grad_perception = d.grad_perception.data(), *sent = d.sent.data();

    for (int n = 0; n < rows; n++) {
        const float* from = n < count ? grad + fired[n] * RESIDUAL : ZEROS;
        std::copy(from, from + ROW, grad_residual + n * RESIDUAL);
    }
    for (int from = 0; from < rows; from += CHUNK) {
        const int chunk = std::min(CHUNK, rows - from), start = from * HIDDEN;
        product<HIDDEN, COLUMNS>(
            chunk, zeros, 1, STATE, [&](int, int r, int k) { return grad_residual[(from + r) * RESIDUAL + k]; },
            w.residual_back[0], HIDDEN, store_relu_backward(grad_hidden + start, hidden + start, HIDDEN));
        product<HIDDEN, COLUMNS>(
            chunk, zeros, 1, HIDDEN, [&](int, int r, int k) { return grad_hidden[start + r * HIDDEN + k]; },
            w.hidden_back[0], HIDDEN, store_relu_backward(grad_perception + start, perception + start, HIDDEN));
        if (tick == 0) continue;
        product<SENT, FEWER_COLUMNS>(
            chunk, zeros, 1, HIDDEN, [&](int, int r, int k) { return grad_perception[start + r * HIDDEN + k]; },
            w.perception_back[0], SENT, store(sent + from * SENT, SENT));
    }
    for (int n = 0; n < count && tick > 0; n++)
        for (int tap = 0; tap < TAPS; tap++)  // the row's last number, the liveness's, is never read
            add<ROW>(grad + d.neighbours[fired[n] * TAPS + tap] * RESIDUAL, sent + n * SENT + tap * STATE);

    // The weights' gradients: sums over the cells that fired, for BLOCK inputs at a time.
    const float* state = d.state_at(tick);
    const float** seen = d.seen.data();
    for (int tap = 0; tap < TAPS; tap++) {
        fetch_before(d, tick, tap);
        for (int n = 0; n < count; n++) seen[n] = state + d.neighbours[fired[n] * TAPS + tap] * ROW;
        product<HIDDEN, COLUMNS>(
            ROW, [&](int i) { return g.perception[tap][i]; }, 1, count, [&](int, int i, int n) { return seen[n][i]; },
            grad_perception, HIDDEN, store(g.perception[tap][0], HIDDEN));
    }
    product<HIDDEN, COLUMNS>(
        HIDDEN, [&](int i) { return g.hidden[i]; }, 1, count,
        [&](int, int i, int n) { return perception[n * HIDDEN + i]; }, grad_hidden, HIDDEN, store(g.hidden[0], HIDDEN));
    product<HIDDEN, COLUMNS>(
        ROW, [&](int i) { return g.residual[i]; }, 1, count,
        [&](int, int i, int n) { return grad_residual[n * RESIDUAL + i]; }, hidden, HIDDEN,
        store(g.residual[0], HIDDEN));
    const auto one = [](int, int, int) { return 1.0f; };
    product<HIDDEN, COLUMNS, 1>(
        1, [&](int) { return g.perception_bias; }, 1, count, one, grad_perception, HIDDEN, store(g.perception_bias, 0));
    product<HIDDEN, COLUMNS, 1>(
        1, [&](int) { return g.hidden_bias; }, 1, count, one, grad_hidden, HIDDEN, store(g.hidden_bias, 0));
    product<RESIDUAL, 2, 1>(
        1, [&](int) { return g.residual_bias; }, 1, count, one, grad_residual, RESIDUAL, store(g.residual_bias, 0));
}

void backward(Digit& d, const Weights& w, int ticks, const float* grad_cells) {
    if (!d.gradients) d.gradients = std::make_unique<Gradients>();
    std::memset(d.gradients.get(), 0, sizeof(Gradients));
    float* grad = d.grad.grow(d.rows * RESIDUAL);
    std::fill_n(grad, d.rows * RESIDUAL, 0.0f);
    for (int cell = 0; cell < d.alive; cell++)
        std::copy(grad_cells + cell * CHANNELS + 1, grad_cells + (cell + 1) * CHANNELS, grad + cell * RESIDUAL);
    const size_t most = d.alive + BLOCK;
    std::fill_n(d.grad_residual.grow(most * RESIDUAL), most * RESIDUAL, 0.0f);
    d.grad_hidden.grow(most * HIDDEN);
    d.grad_perception.grow(most * HIDDEN);
    d.sent.grow(most * SENT);
    d.seen.resize(most);
    for (int tick = ticks - 1; tick >= 0; tick--) backward(d, w, tick);
}

// Where the digits are among the rows: alive cells first, then faint ones, each digit by digit.
std::vector<Place> find_places(int rows, int num_alive, const int64_t* batch) {
    std::vector<Place> places(num_alive ? batch[num_alive - 1] + 1 : 0, Place{0, num_alive, 0, rows});
    for (int row = num_alive - 1; row >= 0; row--) {
        places[batch[row]].alive++;
        places[batch[row]].first = row;
    }
    for (int row = rows - 1; row >= num_alive && !places.empty(); row--) {
        if (batch[row] >= static_cast<int64_t>(places.size())) continue;
        places[batch[row]].faint++;
        places[batch[row]].first_faint = row;
    }
    return places;
}

}  // namespace

extern "C" {

void* ca_new_tape() { return new Tape; }

// Digits of height by width, cells (rows + 1, 20), batch, y and x (rows), fires (ticks, num_alive), noise (fired, 19),
// weights and biases as in the model; `after` (rows + 1, 20) gets the states of the alive cells. If there is room for
// votes, they and sums, full of zeros, get what was seen of so many digits.
void ca_forward(Tape* tape, int threads, bool keep, int rows, int num_alive, int ticks, int height, int width,
                const float* cells, const int64_t* batch, const int64_t* y, const int64_t* x, const bool* fires,
                const float* noise, const float* w1, const float* b1, const float* w2, const float* b2, const float* w3,
                const float* b3, float* after, int64_t* votes, double* sums, int64_t seen_digits) {
    tape->weights = std::make_unique<Weights>(w1, b1, w2, b2, w3, b3);
    const std::vector<Place>& places = tape->places = find_places(rows, num_alive, batch);
    const int digits = tape->digits = static_cast<int>(places.size());
    tape->ticks = ticks;
    while (static_cast<int>(tape->all.size()) < digits) tape->all.push_back(std::make_unique<Digit>());
    tape->largest_first.resize(digits);
    std::iota(tape->largest_first.begin(), tape->largest_first.end(), 0);
    std::stable_sort(tape->largest_first.begin(), tape->largest_first.end(),
                     [&](int a, int b) { return places[a].alive > places[b].alive; });
    std::vector<int64_t> noise_first(static_cast<size_t>(digits) * ticks);  // the noise comes tick by tick
    int64_t drawn = 0;
    for (int tick = 0; tick < ticks; tick++)
        for (int n = 0; n < digits; n++) {
            noise_first[static_cast<size_t>(n) * ticks + tick] = drawn;
            const bool* mask = fires + static_cast<int64_t>(tick) * num_alive + places[n].first;
            drawn += std::count(mask, mask + places[n].alive, true);
        }

    const Given given{cells, y, x, width + 2, static_cast<int64_t>(height + 2) * (width + 2)};
    share(threads, digits, [&](int turn) {
        const int n = tape->largest_first[turn];
        Digit& d = *tape->all[n];
        d.alive = places[n].alive;
        d.rows = places[n].alive + places[n].faint + 1;
        d.state.grow(static_cast<size_t>(keep ? ticks + 1 : 2) * d.rows * ROW);
        read_cells(d, *tape->weights, places[n], given);
        read_fires(d, ticks, fires + places[n].first, num_alive);
        const size_t kept = keep ? d.first.back() : CHUNK;
        d.perception.grow(kept * HIDDEN);
        d.hidden.grow(kept * HIDDEN);
        const Observation observation{votes + n * CLASSES, sums + n * 2, seen_digits};
        forward(d, *tape->weights, ticks, keep, noise, &noise_first[static_cast<size_t>(n) * ticks],
                votes ? &observation : nullptr);
        const float* last = d.state_at(keep ? ticks : ticks % 2);
        for (int cell = 0; cell < d.alive; cell++)
            std::copy(last + cell * ROW, last + cell * ROW + STATE,
                      after + static_cast<int64_t>(places[n].first + cell) * CHANNELS + 1);
    });
}

// Gradients of weights and biases, shaped as they are, from that of `after`.
void ca_backward(Tape* tape, int threads, const float* grad_after, float* g1, float* gb1, float* g2, float* gb2,
                 float* g3, float* gb3) {
    share(threads, tape->digits, [&](int turn) {
        const int n = tape->largest_first[turn];
        const float* grad = grad_after + static_cast<int64_t>(tape->places[n].first) * CHANNELS;
        backward(*tape->all[n], *tape->weights, tape->ticks, grad);
    });
    const auto sum = std::make_unique<Gradients>();
    for (int n = 0; n < tape->digits; n++)  // always in the same order
        add<sizeof(Gradients) / sizeof(float)>(reinterpret_cast<float*>(sum.get()),
                                               reinterpret_cast<const float*>(tape->all[n]->gradients.get()));
    for (int o = 0; o < HIDDEN; o++) {
        for (int tap = 0; tap < TAPS; tap++) {
            *g1++ = sum->perception[tap][STATE][o];
            for (int s = 0; s < STATE; s++) *g1++ = sum->perception[tap][s][o];
        }
        for (int i = 0; i < HIDDEN; i++) *g2++ = sum->hidden[i][o];
    }
    std::copy(sum->residual[0], sum->residual[STATE], g3);
    std::copy(sum->perception_bias, sum->perception_bias + HIDDEN, gb1);
    std::copy(sum->hidden_bias, sum->hidden_bias + HIDDEN, gb2);
    std::copy(sum->residual_bias, sum->residual_bias + STATE, gb3);
}
}
