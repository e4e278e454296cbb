// The update rule and its gradients for the cells that are alive and fire, one digit at a time. README.md beside this
// file explains it. All numbers are float32; names and shapes are those of `ca.engine`.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr int STATE = 19, HIDDEN = 80, TAPS = 9;
constexpr int CHANNELS = 1 + STATE;    // in PyTorch: the liveness, then the state
constexpr int ROW = 20;                // here: a cell's state, and a number that stays zero
constexpr int PERCEIVED = TAPS * STATE;  // inputs that change from tick to tick
constexpr int SENT = 176;              // as many, in whole vectors
constexpr int RESIDUAL = 32;           // outputs, in whole vectors

// A block of BLOCK rows by COLUMNS vectors of LANES numbers is summed up in registers, of which there are 32 or 16.
#if defined(__AVX512F__)
constexpr int LANES = 16, COLUMNS = 5, SENT_COLUMNS = 4;
#elif defined(__AVX2__)
constexpr int LANES = 8, COLUMNS = 2, SENT_COLUMNS = 2;
#else
constexpr int LANES = 4, COLUMNS = 4, SENT_COLUMNS = 4;
#endif
constexpr int BLOCK = 5;
typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define INLINE __attribute__((always_inline)) inline

INLINE Vector& at(float* p) { return *reinterpret_cast<Vector*>(p); }
INLINE const Vector& at(const float* p) { return *reinterpret_cast<const Vector*>(p); }

// to(r)[c] = from(r)[c] + sum over g and k of input(g, r, k) * weights[c], for R rows and C vectors of columns;
// the weights go on by `stride` for each of groups * inputs inputs.
template <int R, int C, typename From, typename Input, typename To>
INLINE void block(From from, int groups, int inputs, Input input, const float* weights, int stride, To to) {
    Vector sum[R][C];
    UNROLL for (int r = 0; r < R; r++)
        UNROLL for (int c = 0; c < C; c++) sum[r][c] = at(from(r) + c * LANES);
    for (int g = 0; g < groups; g++) {
        for (int k = 0; k < inputs; k++, weights += stride) {
            Vector w[C];
            UNROLL for (int c = 0; c < C; c++) w[c] = at(weights + c * LANES);
            UNROLL for (int r = 0; r < R; r++) {
                const float x = input(g, r, k);
                UNROLL for (int c = 0; c < C; c++) sum[r][c] += x * w[c];
            }
        }
    }
    UNROLL for (int r = 0; r < R; r++)
        UNROLL for (int c = 0; c < C; c++) at(to(r) + c * LANES) = sum[r][c];
}

// The same for `width` columns, which are read and written a panel at a time.
template <int R, int C, typename From, typename Input, typename To>
INLINE void product(int width, From from, int groups, int inputs, Input input, const float* weights, int stride, To to) {
    int c = 0;
    for (; c + C * LANES <= width; c += C * LANES)
        block<R, C>([&](int r) { return from(r) + c; }, groups, inputs, input, weights + c, stride,
                    [&](int r) { return to(r) + c; });
    for (; c < width; c += LANES)
        block<R, 1>([&](int r) { return from(r) + c; }, groups, inputs, input, weights + c, stride,
                    [&](int r) { return to(r) + c; });
}

const float ZEROS[SENT] = {};

void relu(float* x, int count) {
    for (int i = 0; i < count; i++) x[i] = std::max(x[i], 0.0f);
}

void relu_backward(float* grad, const float* output, int count) {
    for (int i = 0; i < count; i++) grad[i] = output[i] > 0 ? grad[i] : 0.0f;
}

void add(float* to, const float* from, int count) {
    for (int i = 0; i < count; i++) to[i] += from[i];
}

// A model's weights, (outputs, inputs), in the orders in which the products read them.
struct Weights {
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
struct Gradients {
    float liveness[TAPS][HIDDEN], perception[TAPS][ROW][HIDDEN], perception_bias[HIDDEN];
    float hidden[HIDDEN][HIDDEN], hidden_bias[HIDDEN];
    float residual[ROW][HIDDEN], residual_bias[ROW];
};

// One digit's rollout. The last row of `state` is the dead neighbour, whose state is zero.
struct Digit {
    int alive;                     // cells
    std::vector<int> neighbours;   // (alive + 1, 9); of the dead neighbour too, which fills up blocks
    std::vector<float> levels;     // (alive, 9) liveness of the neighbours
    std::vector<float> start;      // (alive + 1, 80) the liveness's share of the perception, and the bias
    std::vector<int> fired, first;  // cells that fire, tick by tick in whole blocks; (ticks + 1) where ticks start
    std::vector<int> count;        // (ticks) how many fire
    std::vector<float> state;      // (ticks + 1, alive + 1, 20)
    std::vector<float> perception, hidden;  // (fired, 80)
    std::vector<float> grad;       // (alive + 1, 20) of the state
    std::vector<float> grad_perceived;  // (alive, 80) of the perception, summed over ticks
    std::vector<float> grad_residual, grad_hidden, grad_perception, sent;  // of the cells that fire in a tick
    std::vector<const float*> seen;
    Gradients gradients;

    float* state_at(int tick) { return state.data() + static_cast<size_t>(tick) * (alive + 1) * ROW; }
};

// What a rollout leaves for its backward pass. It is used again, for memory that is mapped anew is slow.
struct Tape {
    int digits, ticks;
    std::vector<std::unique_ptr<Digit>> all;
    std::unique_ptr<Weights> weights;
};

template <typename Size>
void grow(std::vector<float>& memory, Size size) {
    if (memory.size() < static_cast<size_t>(size)) memory.resize(size);
}

void read_cells(Digit& d, const Weights& w, int first, int rows, const float* cells, const int64_t* neighbours) {
    const int last = first + d.alive;
    d.neighbours.assign((d.alive + 1) * TAPS, d.alive);
    d.levels.resize(d.alive * TAPS);
    d.start.assign((d.alive + 1) * HIDDEN, 0.0f);
    float* state = d.state_at(0);
    for (int cell = 0; cell < d.alive; cell++) {
        float* start = &d.start[cell * HIDDEN];
        std::copy(w.perception_bias, w.perception_bias + HIDDEN, start);
        for (int tap = 0; tap < TAPS; tap++) {
            const int64_t there = neighbours[static_cast<int64_t>(first + cell) * TAPS + tap];
            if (there >= first && there < last) d.neighbours[cell * TAPS + tap] = static_cast<int>(there) - first;
            const float level = d.levels[cell * TAPS + tap] = there < rows ? cells[there * CHANNELS] : 0.0f;
            for (int i = 0; i < HIDDEN; i++) start[i] += level * w.liveness[tap][i];
        }
        const float* from = cells + static_cast<int64_t>(first + cell) * CHANNELS;
        std::copy(from + 1, from + CHANNELS, state + cell * ROW);
        state[cell * ROW + STATE] = 0.0f;
    }
    std::fill_n(state + d.alive * ROW, ROW, 0.0f);
}

void read_fires(Digit& d, int ticks, const bool* fires, int64_t stride) {
    d.fired.clear();
    d.first.assign(1, 0);
    d.count.clear();
    for (int tick = 0; tick < ticks; tick++, fires += stride) {
        for (int cell = 0; cell < d.alive; cell++)
            if (fires[cell]) d.fired.push_back(cell);
        d.count.push_back(static_cast<int>(d.fired.size()) - d.first.back());
        while (d.fired.size() % BLOCK) d.fired.push_back(d.alive);
        d.first.push_back(static_cast<int>(d.fired.size()));
    }
}

// All ticks. Without `keep`, nothing is left but the last state, at tick ticks % 2.
void forward(Digit& d, const Weights& w, int ticks, bool keep, const float* noise, const int64_t* noise_first) {
    for (int tick = 0; tick < ticks; tick++) {
        const float* before = d.state_at(keep ? tick : tick % 2);
        float* after = d.state_at(keep ? tick + 1 : (tick + 1) % 2);
        std::copy(before, before + (d.alive + 1) * ROW, after);
        const float* added = noise + noise_first[tick] * STATE;
        const int end = d.first[tick] + d.count[tick];
        for (int from = d.first[tick]; from < end; from += BLOCK) {
            const int* fired = &d.fired[from];
            const float* seen[TAPS][BLOCK];
            for (int tap = 0; tap < TAPS; tap++)
                for (int r = 0; r < BLOCK; r++) seen[tap][r] = before + d.neighbours[fired[r] * TAPS + tap] * ROW;
            float* perception = &d.perception[keep ? static_cast<size_t>(from) * HIDDEN : 0];
            float* hidden = &d.hidden[keep ? static_cast<size_t>(from) * HIDDEN : 0];
            float residual[BLOCK][RESIDUAL];
            product<BLOCK, COLUMNS>(
                HIDDEN, [&](int r) { return &d.start[fired[r] * HIDDEN]; }, TAPS, STATE,
                [&](int tap, int r, int k) { return seen[tap][r][k]; }, w.perception[0], HIDDEN,
                [&](int r) { return perception + r * HIDDEN; });
            relu(perception, BLOCK * HIDDEN);
            product<BLOCK, COLUMNS>(
                HIDDEN, [&](int) { return w.hidden_bias; }, 1, HIDDEN,
                [&](int, int r, int k) { return perception[r * HIDDEN + k]; }, w.hidden[0], HIDDEN,
                [&](int r) { return hidden + r * HIDDEN; });
            relu(hidden, BLOCK * HIDDEN);
            product<BLOCK, 2>(
                RESIDUAL, [&](int) { return w.residual_bias; }, 1, HIDDEN,
                [&](int, int r, int k) { return hidden[r * HIDDEN + k]; }, w.residual[0], RESIDUAL,
                [&](int r) { return residual[r]; });
            for (int r = 0; r < BLOCK && from + r < end; r++, added += STATE) {
                add(residual[r], added, STATE);
                add(after + fired[r] * ROW, residual[r], STATE);
            }
        }
    }
}

// One tick back: `d.grad` becomes the gradient of the state before it.
void backward(Digit& d, const Weights& w, int tick) {
    Gradients& g = d.gradients;
    const int count = d.count[tick], first = d.first[tick];
    const int* fired = &d.fired[first];
    const float* perception = &d.perception[static_cast<size_t>(first) * HIDDEN];
    const float* hidden = &d.hidden[static_cast<size_t>(first) * HIDDEN];
    float *grad_residual = d.grad_residual.data(), *grad_hidden = d.grad_hidden.data();
    float *grad_perception = d.grad_perception.data(), *sent = d.sent.data();
    const auto zeros = [](int) { return ZEROS; };

    for (int n = 0; n < d.first[tick + 1] - first; n++) {
        const float* from = n < count ? &d.grad[fired[n] * ROW] : ZEROS;
        std::copy(from, from + ROW, grad_residual + n * ROW);
    }
    for (int from = 0; from < count; from += BLOCK) {
        const float* back3 = grad_residual + from * ROW;
        float *back2 = grad_hidden + from * HIDDEN, *back1 = grad_perception + from * HIDDEN;
        product<BLOCK, COLUMNS>(
            HIDDEN, zeros, 1, STATE, [&](int, int r, int k) { return back3[r * ROW + k]; }, w.residual_back[0], HIDDEN,
            [&](int r) { return back2 + r * HIDDEN; });
        relu_backward(back2, hidden + from * HIDDEN, BLOCK * HIDDEN);
        const auto input2 = [&](int, int r, int k) { return back2[r * HIDDEN + k]; };
        product<BLOCK, COLUMNS>(HIDDEN, zeros, 1, HIDDEN, input2, w.hidden_back[0], HIDDEN,
                                [&](int r) { return back1 + r * HIDDEN; });
        relu_backward(back1, perception + from * HIDDEN, BLOCK * HIDDEN);
        if (tick == 0) continue;
        const auto input1 = [&](int, int r, int k) { return back1[r * HIDDEN + k]; };
        product<BLOCK, SENT_COLUMNS>(SENT, zeros, 1, HIDDEN, input1, w.perception_back[0], SENT,
                                     [&](int r) { return sent + (from + r) * SENT; });
    }
    for (int n = 0; n < count; n++) {
        for (int tap = 0; tap < TAPS && tick > 0; tap++)
            add(&d.grad[d.neighbours[fired[n] * TAPS + tap] * ROW], sent + n * SENT + tap * STATE, STATE);
        add(&d.grad_perceived[fired[n] * HIDDEN], grad_perception + n * HIDDEN, HIDDEN);
        add(g.hidden_bias, grad_hidden + n * HIDDEN, HIDDEN);
        add(g.residual_bias, grad_residual + n * ROW, STATE);
    }

    // The weights' gradients: sums over the cells that fired, for BLOCK inputs at a time.
    const float* state = d.state_at(tick);
    for (int tap = 0; tap < TAPS; tap++) {
        const float** seen = d.seen.data();
        for (int n = 0; n < count; n++) seen[n] = state + d.neighbours[fired[n] * TAPS + tap] * ROW;
        for (int i = 0; i < ROW; i += BLOCK) {
            const auto sum = [&](int r) { return g.perception[tap][i + r]; };
            product<BLOCK, COLUMNS>(
                HIDDEN, sum, 1, count, [&](int, int r, int n) { return seen[n][i + r]; }, grad_perception, HIDDEN, sum);
        }
    }
    for (int i = 0; i < HIDDEN; i += BLOCK) {
        const auto sum = [&](int r) { return g.hidden[i + r]; };
        const auto input = [&](int, int r, int n) { return perception[n * HIDDEN + i + r]; };
        product<BLOCK, COLUMNS>(HIDDEN, sum, 1, count, input, grad_hidden, HIDDEN, sum);
    }
    for (int i = 0; i < ROW; i += BLOCK) {
        const auto sum = [&](int r) { return g.residual[i + r]; };
        const auto input = [&](int, int r, int n) { return grad_residual[n * ROW + i + r]; };
        product<BLOCK, COLUMNS>(HIDDEN, sum, 1, count, input, hidden, HIDDEN, sum);
    }
}

void backward(Digit& d, const Weights& w, int ticks, const float* grad_cells) {
    Gradients& g = d.gradients;
    std::memset(&g, 0, sizeof g);
    d.grad.assign((d.alive + 1) * ROW, 0.0f);
    d.grad_perceived.assign(d.alive * HIDDEN, 0.0f);
    for (int cell = 0; cell < d.alive; cell++)
        std::copy(grad_cells + cell * CHANNELS + 1, grad_cells + (cell + 1) * CHANNELS, &d.grad[cell * ROW]);
    const size_t most = d.alive + BLOCK;
    grow(d.grad_residual, most * ROW);
    grow(d.grad_hidden, most * HIDDEN);
    grow(d.grad_perception, most * HIDDEN);
    grow(d.sent, most * SENT);
    d.seen.resize(most);
    for (int tick = ticks - 1; tick >= 0; tick--) backward(d, w, tick);
    for (int cell = 0; cell < d.alive; cell++) {
        const float* grad = &d.grad_perceived[cell * HIDDEN];
        add(g.perception_bias, grad, HIDDEN);
        for (int tap = 0; tap < TAPS; tap++)
            for (int i = 0; i < HIDDEN; i++) g.liveness[tap][i] += d.levels[cell * TAPS + tap] * grad[i];
    }
}

// Do work(0), ..., work(count - 1) on some threads, this one included.
template <typename Work>
void share(int threads, int count, Work work) {
    std::atomic<int> next(0);
    const auto take = [&] {
        for (int n; (n = next++) < count;) work(n);
    };
    std::vector<std::thread> others;
    for (int n = 1; n < std::min(threads, count); n++) others.emplace_back(take);
    take();
    for (std::thread& other : others) other.join();
}

}  // namespace

extern "C" {

void* ca_new_tape() { return new Tape; }

// cells (rows + 1, 20), neighbours (rows, 9), batch (num_alive), fires (ticks, num_alive), noise (fired, 19), weights and
// biases as in the model; `after` (rows + 1, 20) is written but for the liveness.
void ca_forward(Tape* tape, int threads, bool keep, int rows, int num_alive, int ticks, const float* cells,
                const int64_t* neighbours, const int64_t* batch, const bool* fires, const float* noise, const float* w1,
                const float* b1, const float* w2, const float* b2, const float* w3, const float* b3, float* after) {
    tape->weights = std::make_unique<Weights>(w1, b1, w2, b2, w3, b3);
    tape->digits = num_alive ? static_cast<int>(batch[num_alive - 1]) + 1 : 0;
    tape->ticks = ticks;
    const int digits = tape->digits;
    while (static_cast<int>(tape->all.size()) < digits) tape->all.push_back(std::make_unique<Digit>());
    std::vector<int> first(digits + 1, num_alive);
    for (int cell = num_alive - 1; cell >= 0; cell--)
        for (int64_t digit = batch[cell]; digit >= 0 && first[digit] > cell; digit--) first[digit] = cell;
    std::vector<int64_t> noise_first(static_cast<size_t>(digits) * ticks);  // the noise comes tick by tick
    int64_t drawn = 0;
    for (int tick = 0; tick < ticks; tick++)
        for (int n = 0; n < digits; n++) {
            noise_first[static_cast<size_t>(n) * ticks + tick] = drawn;
            const bool* mask = fires + static_cast<int64_t>(tick) * num_alive;
            drawn += std::count(mask + first[n], mask + first[n + 1], true);
        }

    share(threads, digits, [&](int n) {
        Digit& d = *tape->all[n];
        d.alive = first[n + 1] - first[n];
        grow(d.state, static_cast<size_t>(keep ? ticks + 1 : 2) * (d.alive + 1) * ROW);
        read_cells(d, *tape->weights, first[n], rows, cells, neighbours);
        read_fires(d, ticks, fires + first[n], num_alive);
        grow(d.perception, keep ? d.fired.size() * HIDDEN : BLOCK * HIDDEN);
        grow(d.hidden, keep ? d.fired.size() * HIDDEN : BLOCK * HIDDEN);
        forward(d, *tape->weights, ticks, keep, noise, &noise_first[static_cast<size_t>(n) * ticks]);
        const float* last = d.state_at(keep ? ticks : ticks % 2);
        for (int cell = 0; cell < d.alive; cell++)
            std::copy(last + cell * ROW, last + cell * ROW + STATE,
                      after + static_cast<int64_t>(first[n] + cell) * CHANNELS + 1);
    });
}

// Gradients of weights and biases, shaped as they are, from that of `after`.
void ca_backward(Tape* tape, int threads, const float* grad_after, float* g1, float* gb1, float* g2, float* gb2,
                 float* g3, float* gb3) {
    std::vector<int64_t> first(tape->digits + 1, 0);
    for (int n = 0; n < tape->digits; n++) first[n + 1] = first[n] + tape->all[n]->alive;
    share(threads, tape->digits, [&](int n) {
        backward(*tape->all[n], *tape->weights, tape->ticks, grad_after + first[n] * CHANNELS);
    });
    const auto sum = std::make_unique<Gradients>();
    for (int n = 0; n < tape->digits; n++)  // always in the same order
        add(reinterpret_cast<float*>(sum.get()), reinterpret_cast<const float*>(&tape->all[n]->gradients),
            sizeof(Gradients) / sizeof(float));
    for (int o = 0; o < HIDDEN; o++) {
        for (int tap = 0; tap < TAPS; tap++) {
            *g1++ = sum->liveness[tap][o];
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
