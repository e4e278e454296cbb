// The forward and the backward pass of one digit.

#pragma once

#include <cmath>

#include "digit.h"

namespace {

constexpr int CHUNK = 20 * BLOCK;  // rows that go through all layers together

alignas(LINE) const float ZEROS[widest()] = {};
const auto zeros = [](int) { return ZEROS; };

// What is recorded of a digit after each tick; its numbers are `stride` digits apart from tick to tick.
struct Observation {
    int64_t* votes;  // (ticks, digits, CLASSES) cells whose largest output is a class's
    double* sums;    // (ticks, digits, 2) of the absolute state, and of the absolute residual of the cells that fired
    int64_t stride;

    void add_state(int tick, const float* state, int alive) const {
        int64_t* ballots = votes + tick * stride * CLASSES;
        double sum = 0;
        for (const float* row = state; row < state + alive * ROW; row += ROW) {
            ballots[largest(row + STATE - CLASSES)]++;
            sum += sum_of_absolutes<STATE>(row);
        }
        sums[tick * stride * 2] = sum;
    }
    void add_residual(int tick, const float* residual) const {
        sums[tick * stride * 2 + 1] += sum_of_absolutes<STATE>(residual);
    }

   private:
    // The first of the largest outputs, found without branches, which no processor could predict.
    static int largest(const float* outputs) {
        int found = 0;
        float most = outputs[0];
        for (int output = 1; output < CLASSES; output++) {
            const bool more = most < outputs[output];
            found = more ? output : found;
            most = more ? outputs[output] : most;
        }
        return found;
    }
};

// All ticks. `noise_first` says where the digit's part of each tick's noise begins. Without `keep` nothing remains but
// the last state, at tick ticks % 2. `observation` may be null.
void forward(Digit& digit, const Weights& weights, int ticks, bool keep, const float* noise, const int64_t* noise_first,
             const Observation* observation) {
    const float* start = digit.start.data();
    alignas(LINE) float residual[CHUNK * RESIDUAL_WIDTH];
    for (int tick = 0; tick < ticks; tick++) {
        const float* before = digit.state_at(keep ? tick : tick % 2);
        float* after = digit.state_at(keep ? tick + 1 : (tick + 1) % 2);
        std::copy(before, before + digit.rows * ROW, after);
        const float* added = noise + noise_first[tick] * STATE;
        for (int from = digit.first[tick]; from < digit.first[tick + 1]; from += CHUNK) {
            const int rows = std::min(CHUNK, digit.first[tick + 1] - from);
            const int* fired = digit.fired.data() + from;
            const float* seen[TAPS][CHUNK];
            for (int tap = 0; tap < TAPS; tap++)
                for (int row = 0; row < rows; row++)
                    seen[tap][row] = before + digit.neighbours[fired[row] * TAPS + tap] * ROW;
            const size_t kept = keep ? from : 0;
            float* perception = digit.active[0].data() + kept * FIRST_WIDTH;
            product<FIRST_WIDTH, panel(FIRST_WIDTH), BLOCK, tall(FIRST_WIDTH)>(
                0, rows, [&](int row) { return start + fired[row] * FIRST_WIDTH; }, TAPS, STATE,
                [&](int tap, int row, int i) { return seen[tap][row][i]; }, weights.perception[0], FIRST_WIDTH,
                store_relu(perception, FIRST_WIDTH));
            for_layers_between([&](auto number) {
                constexpr int LAYER = number, WIDTH = padded(LAYER), BEFORE = padded(LAYER - 1);
                const auto& layer = weights.layer<LAYER>();
                const float* input = digit.active[LAYER - 1].data() + kept * BEFORE;
                product<WIDTH, panel(WIDTH), BLOCK, tall(WIDTH)>(
                    0, rows, [&](int) { return layer.bias; }, 1, WIDTHS[LAYER - 1],
                    [&](int, int row, int i) { return input[row * BEFORE + i]; }, layer.forward[0], WIDTH,
                    store_relu(digit.active[LAYER].data() + kept * WIDTH, WIDTH));
            });
            const float* last = digit.active[LAYERS - 1].data() + kept * LAST_WIDTH;
            product<RESIDUAL_WIDTH, panel(RESIDUAL_WIDTH), BLOCK, tall(RESIDUAL_WIDTH)>(
                0, rows, [&](int) { return weights.residual_bias; }, 1, WIDTHS[LAYERS - 1],
                [&](int, int row, int i) { return last[row * LAST_WIDTH + i]; }, weights.residual[0], RESIDUAL_WIDTH,
                store(residual, RESIDUAL_WIDTH));
            const int count = std::min(rows, digit.first[tick] + digit.count[tick] - from);
            for (int row = 0; row < count; row++, added += STATE) {
                if (observation) observation->add_residual(tick, residual + row * RESIDUAL_WIDTH);
                add<STATE>(residual + row * RESIDUAL_WIDTH, added);
                add<STATE>(after + fired[row] * ROW, residual + row * RESIDUAL_WIDTH);
            }
        }
        if (observation) observation->add_state(tick, after, digit.alive);
    }
}

// Fetch a ninth of the activations of the tick before into the cache, while another sum is computed.
void prefetch_tick_before(Digit& digit, int tick, int part) {
    if (tick == 0) return;
    const int first = digit.first[tick - 1], rows = digit.first[tick] - first;
    for (int row = first + rows * part / TAPS; row < first + rows * (part + 1) / TAPS; row++)
        for (int layer = 0; layer < LAYERS; layer++)
            for (int i = 0; i < padded(layer); i += LINE / sizeof(float))
                __builtin_prefetch(digit.active[layer].data() + static_cast<size_t>(row) * padded(layer) + i);
}

// One tick back: `digit.grad` becomes the gradient of the state before the tick.
void backward(Digit& digit, const Weights& weights, int tick) {
    Gradients& gradients = *digit.gradients;
    const int count = digit.count[tick], first = digit.first[tick], rows = digit.first[tick + 1] - first;
    const int* fired = digit.fired.data() + first;
    const auto active = [&](int layer) {
        return digit.active[layer].data() + static_cast<size_t>(first) * padded(layer);
    };
    float *grad = digit.grad.data(), *grad_residual = digit.grad_residual.data(), *sent = digit.sent.data();
    float *grad_last = digit.grad_active[LAYERS - 1].data(), *grad_perception = digit.grad_active[0].data();

    for (int row = 0; row < rows; row++) {
        const float* from = row < count ? grad + fired[row] * RESIDUAL_WIDTH : ZEROS;
        std::copy(from, from + ROW, grad_residual + row * RESIDUAL_WIDTH);
    }
    for (int from = 0; from < rows; from += CHUNK) {
        const int chunk = std::min(CHUNK, rows - from);
        product<LAST_WIDTH, panel(LAST_WIDTH)>(
            0, chunk, zeros, 1, STATE,
            [&](int, int row, int i) { return grad_residual[(from + row) * RESIDUAL_WIDTH + i]; },
            weights.residual_back[0], LAST_WIDTH,
            store_relu_backward(grad_last + from * LAST_WIDTH, active(LAYERS - 1) + from * LAST_WIDTH, LAST_WIDTH));
        for_layers_between_backwards([&](auto number) {
            constexpr int LAYER = number, WIDTH = padded(LAYER - 1), AFTER = padded(LAYER);
            const float* grad_after = digit.grad_active[LAYER].data() + from * AFTER;
            product<WIDTH, panel(WIDTH)>(
                0, chunk, zeros, 1, WIDTHS[LAYER], [&](int, int row, int i) { return grad_after[row * AFTER + i]; },
                weights.layer<LAYER>().back[0], WIDTH,
                store_relu_backward(digit.grad_active[LAYER - 1].data() + from * WIDTH,
                                    active(LAYER - 1) + from * WIDTH, WIDTH));
        });
        if (tick == 0) continue;
        product<SENT_WIDTH, panel(SENT_WIDTH, FEWER_COLUMNS)>(
            0, chunk, zeros, 1, WIDTHS[0],
            [&](int, int row, int i) { return grad_perception[(from + row) * FIRST_WIDTH + i]; },
            weights.perception_back[0], SENT_WIDTH, store(sent + from * SENT_WIDTH, SENT_WIDTH));
    }
    for (int row = 0; row < count && tick > 0; row++)
        for (int tap = 0; tap < TAPS; tap++)  // ROW is faster than STATE; the liveness's gradient is never read
            add<ROW>(grad + digit.neighbours[fired[row] * TAPS + tap] * RESIDUAL_WIDTH,
                     sent + row * SENT_WIDTH + tap * STATE);

    // The weights' gradients: sums over the cells that fired.
    const float* state = digit.state_at(tick);
    const float** seen = digit.seen.data();
    for (int tap = 0; tap < TAPS; tap++) {
        prefetch_tick_before(digit, tick, tap);
        for (int cell = 0; cell < count; cell++) seen[cell] = state + digit.neighbours[fired[cell] * TAPS + tap] * ROW;
        add_product<ROW, FIRST_WIDTH>(
            gradients.perception[tap][0], count, [&](int input, int cell) { return seen[cell][input]; },
            grad_perception);
    }
    const auto one = [](int, int) { return 1.0f; };
    for_layers_between([&](auto number) {
        constexpr int LAYER = number, WIDTH = padded(LAYER), BEFORE = padded(LAYER - 1);
        auto& layer = gradients.layer<LAYER>();
        const float *input = active(LAYER - 1), *grad_output = digit.grad_active[LAYER].data();
        add_product<WIDTHS[LAYER - 1], WIDTH>(
            layer.weight[0], count, [&](int row, int cell) { return input[cell * BEFORE + row]; }, grad_output);
        add_product<1, WIDTH>(layer.bias, count, one, grad_output);
    });
    add_product<ROW, LAST_WIDTH>(
        gradients.residual[0], count,
        [&](int output, int cell) { return grad_residual[cell * RESIDUAL_WIDTH + output]; }, active(LAYERS - 1));
    add_product<1, FIRST_WIDTH>(gradients.perception_bias, count, one, grad_perception);
    add_product<1, RESIDUAL_WIDTH>(gradients.residual_bias, count, one, grad_residual);
}

// All ticks back, from the gradient of the last state: `grad_cells` (alive, CHANNELS).
void backward(Digit& digit, const Weights& weights, int ticks, const float* grad_cells) {
    if (!digit.gradients) digit.gradients = std::make_unique<Gradients>();
    digit.gradients->clear();
    const size_t numbers = static_cast<size_t>(digit.rows) * RESIDUAL_WIDTH, most_fired = digit.alive + BLOCK;
    float* grad = digit.grad.grow(numbers);
    std::fill_n(grad, numbers, 0.0f);
    for (int cell = 0; cell < digit.alive; cell++)
        std::copy(grad_cells + cell * CHANNELS + 1, grad_cells + (cell + 1) * CHANNELS, grad + cell * RESIDUAL_WIDTH);
    std::fill_n(digit.grad_residual.grow(most_fired * RESIDUAL_WIDTH), most_fired * RESIDUAL_WIDTH, 0.0f);
    for (int layer = 0; layer < LAYERS; layer++) digit.grad_active[layer].grow(most_fired * padded(layer));
    digit.sent.grow(most_fired * SENT_WIDTH);
    digit.seen.resize(most_fired);
    for (int tick = ticks - 1; tick >= 0; tick--) backward(digit, weights, tick);
}

}  // namespace
