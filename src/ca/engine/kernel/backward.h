// The backward pass of one digit.

#pragma once

#include "digit.h"

namespace {

constexpr int SUMMED = 10 * CHUNK;  // rows over which a weight's gradient is summed before the next weight's turn

alignas(LINE) const float ZEROS[widest()] = {};
const auto zeros = [](int) { return ZEROS; };

// Fetch a ninth of the activations of the tick before into the cache, while another sum is computed.
void prefetch_tick_before(Digit& digit, int tick, int part) {
    if (tick == 0) return;
    const int first = digit.first[tick - 1], rows = digit.first[tick] - first;
    for (int row = first + rows * part / TAPS; row < first + rows * (part + 1) / TAPS; row++)
        for (int layer = 0; layer < LAYERS; layer++)
            for (int i = 0; i < padded(layer); i += LINE / sizeof(float))
                __builtin_prefetch(digit.active[layer].data() + static_cast<size_t>(row) * padded(layer) + i);
}

// The gradients of the activations of at most CHUNK cells that fire in a tick, from that row on among them; and what
// each of them sends to its neighbours' states.
void backward_chunk(Digit& digit, const Weights& weights, int tick, int from, int rows) {
    const size_t row = from, first_row = static_cast<size_t>(digit.first[tick]) + from;
    const auto active = [&](int layer) { return digit.active[layer].data() + first_row * padded(layer); };
    const auto grad_active = [&](int layer) { return digit.grad_active[layer].data() + row * padded(layer); };
    float* grad_residual = digit.grad_residual.data() + row * RESIDUAL_WIDTH;
    for (int r = 0; r < rows; r++) {
        const size_t cell = digit.fired[first_row + r];
        const float* grad = from + r < digit.count[tick] ? digit.grad.data() + cell * RESIDUAL_WIDTH : ZEROS;
        std::copy(grad, grad + ROW, grad_residual + r * RESIDUAL_WIDTH);
    }
    product<LAST_WIDTH, panel(LAST_WIDTH)>(
        0, rows, zeros, 1, STATE, [&](int, int r, int i) { return grad_residual[r * RESIDUAL_WIDTH + i]; },
        weights.residual_back[0], LAST_WIDTH,
        store_relu_backward(grad_active(LAYERS - 1), active(LAYERS - 1), LAST_WIDTH));
    for_layers_between_backwards([&](auto number) {
        constexpr int LAYER = number, WIDTH = padded(LAYER - 1), AFTER = padded(LAYER);
        const float* grad_after = grad_active(LAYER);
        product<WIDTH, panel(WIDTH)>(
            0, rows, zeros, 1, WIDTHS[LAYER], [&](int, int r, int i) { return grad_after[r * AFTER + i]; },
            weights.layer<LAYER>().back[0], WIDTH,
            store_relu_backward(grad_active(LAYER - 1), active(LAYER - 1), WIDTH));
    });
    if (tick == 0) return;
    const float* grad_perception = grad_active(0);
    product<SENT_WIDTH, panel(SENT_WIDTH, FEWER_COLUMNS)>(
        0, rows, zeros, 1, WIDTHS[0], [&](int, int r, int i) { return grad_perception[r * FIRST_WIDTH + i]; },
        weights.perception_back[0], SENT_WIDTH, store(digit.sent.data() + row * SENT_WIDTH, SENT_WIDTH));
}

// The gradient of a tap's weights: a sum over the cells that fired.
void add_tap_gradient(Digit& digit, int tick, int tap, int from, int rows) {
    const int* fired = digit.fired.data() + digit.first[tick] + from;
    const float *state = digit.state_at(tick), **seen = digit.seen.data() + tap * SUMMED;
    for (int row = 0; row < rows; row++)
        seen[row] = state + static_cast<size_t>(digit.neighbours[fired[row] * TAPS + tap]) * ROW;
    add_product<ROW, FIRST_WIDTH>(
        digit.gradients->perception[tap][0], rows, [&](int input, int row) { return seen[row][input]; },
        digit.grad_active[0].data() + static_cast<size_t>(from) * FIRST_WIDTH);
}

// The gradients of all other weights and of the biases.
void add_layer_gradients(Digit& digit, int tick, int from, int rows) {
    Gradients& gradients = *digit.gradients;
    const auto active = [&](int layer) {
        return digit.active[layer].data() + static_cast<size_t>(digit.first[tick] + from) * padded(layer);
    };
    const auto grad_active = [&](int layer) {
        return digit.grad_active[layer].data() + static_cast<size_t>(from) * padded(layer);
    };
    const float* grad_residual = digit.grad_residual.data() + static_cast<size_t>(from) * RESIDUAL_WIDTH;
    const auto one = [](int, int) { return 1.0f; };
    for_layers_between([&](auto number) {
        constexpr int LAYER = number, WIDTH = padded(LAYER), BEFORE = padded(LAYER - 1);
        auto& layer = gradients.layer<LAYER>();
        const float *input = active(LAYER - 1), *grad_output = grad_active(LAYER);
        add_product<WIDTHS[LAYER - 1], WIDTH>(
            layer.weight[0], rows, [&](int row, int cell) { return input[cell * BEFORE + row]; }, grad_output);
        add_product<1, WIDTH>(layer.bias, rows, one, grad_output);
    });
    add_product<ROW, LAST_WIDTH>(
        gradients.residual[0], rows, [&](int output, int row) { return grad_residual[row * RESIDUAL_WIDTH + output]; },
        active(LAYERS - 1));
    add_product<1, FIRST_WIDTH>(gradients.perception_bias, rows, one, grad_active(0));
    add_product<1, RESIDUAL_WIDTH>(gradients.residual_bias, rows, one, grad_residual);
}

// One tick back: `digit.grad` becomes the gradient of the state before the tick.
void backward_tick(Digit& digit, const Weights& weights, int tick, int64_t threads) {
    const int count = digit.count[tick], first = digit.first[tick], rows = digit.first[tick + 1] - first;
    parallel_for(threads, slices(rows), [&](int slice) {
        const int to = std::min(rows, (slice + 1) * SLICE);
        for (int from = slice * SLICE; from < to; from += CHUNK)
            backward_chunk(digit, weights, tick, from, std::min(CHUNK, to - from));
    });
    for (int row = 0; row < count && tick > 0; row++) {
        const int* neighbours = digit.neighbours.data() + static_cast<size_t>(digit.fired[first + row]) * TAPS;
        for (int tap = 0; tap < TAPS; tap++)  // ROW is faster than STATE; the liveness's gradient is never read
            add<ROW>(digit.grad.data() + static_cast<size_t>(neighbours[tap]) * RESIDUAL_WIDTH,
                     digit.sent.data() + static_cast<size_t>(row) * SENT_WIDTH + tap * STATE);
    }
    parallel_for(rows > SLICE ? threads : 1, TAPS + 1, [&](int turn) {
        const int tap = turn - 1;  // after the other layers, which take longest
        if (tap >= 0) prefetch_tick_before(digit, tick, tap);
        for (int from = 0; from < count; from += SUMMED) {
            const int summed = std::min(SUMMED, count - from);
            if (tap >= 0)
                add_tap_gradient(digit, tick, tap, from, summed);
            else
                add_layer_gradients(digit, tick, from, summed);
        }
    });
}

// All ticks back, from the gradient of the last state: `grad_cells` (alive, CHANNELS).
void backward(Digit& digit, const Weights& weights, int ticks, const float* grad_cells, int64_t threads) {
    if (!digit.gradients) digit.gradients = std::make_unique<Gradients>();
    digit.gradients->clear();
    const size_t numbers = digit.rows * size_t{RESIDUAL_WIDTH}, most_fired = digit.alive + BLOCK;
    float* grad = digit.grad.grow(numbers);
    std::fill_n(grad, numbers, 0.0f);
    for (int cell = 0; cell < digit.alive; cell++)
        std::copy_n(grad_cells + static_cast<size_t>(cell) * CHANNELS + 1, STATE,
                    grad + static_cast<size_t>(cell) * RESIDUAL_WIDTH);
    std::fill_n(digit.grad_residual.grow(most_fired * RESIDUAL_WIDTH), most_fired * RESIDUAL_WIDTH, 0.0f);
    for (int layer = 0; layer < LAYERS; layer++) digit.grad_active[layer].grow(most_fired * padded(layer));
    digit.sent.grow(most_fired * SENT_WIDTH);
    digit.seen.resize(TAPS * SUMMED);
    for (int tick = ticks - 1; tick >= 0; tick--) backward_tick(digit, weights, tick, threads);
}

}  // namespace
