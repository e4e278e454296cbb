// The forward and the backward pass of one digit.

#pragma once

#include <cmath>

#include "digit.h"

namespace {

constexpr int CHUNK = 20 * BLOCK;  // rows that go through all layers together

alignas(LINE) const float ZEROS[WIDEST] = {};
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
            const float* outputs = row + STATE - CLASSES;
            ballots[std::max_element(outputs, outputs + CLASSES) - outputs]++;
            sum += sum_of_absolutes(row);
        }
        sums[tick * stride * 2] = sum;
    }
    void add_residual(int tick, const float* residual) const {
        sums[tick * stride * 2 + 1] += sum_of_absolutes(residual);
    }

   private:
    static float sum_of_absolutes(const float* numbers) {
        float sum = 0;
        for (int i = 0; i < STATE; i++) sum += std::abs(numbers[i]);
        return sum;
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
            const size_t kept = keep ? static_cast<size_t>(from) * HIDDEN_WIDTH : 0;
            float *perception = digit.perception.data() + kept, *hidden = digit.hidden.data() + kept;
            product<HIDDEN_WIDTH, COLUMNS>(
                0, rows, [&](int row) { return start + fired[row] * HIDDEN_WIDTH; }, TAPS, STATE,
                [&](int tap, int row, int i) { return seen[tap][row][i]; }, weights.perception[0], HIDDEN_WIDTH,
                store_relu(perception, HIDDEN_WIDTH));
            product<HIDDEN_WIDTH, COLUMNS>(
                0, rows, [&](int) { return weights.hidden_bias; }, 1, HIDDEN,
                [&](int, int row, int i) { return perception[row * HIDDEN_WIDTH + i]; }, weights.hidden[0],
                HIDDEN_WIDTH, store_relu(hidden, HIDDEN_WIDTH));
            product<RESIDUAL_WIDTH, 2>(
                0, rows, [&](int) { return weights.residual_bias; }, 1, HIDDEN,
                [&](int, int row, int i) { return hidden[row * HIDDEN_WIDTH + i]; }, weights.residual[0],
                RESIDUAL_WIDTH, store(residual, RESIDUAL_WIDTH));
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
        for (size_t i = 0; i < HIDDEN_WIDTH; i += LINE / sizeof(float)) {
            __builtin_prefetch(digit.perception.data() + static_cast<size_t>(row) * HIDDEN_WIDTH + i);
            __builtin_prefetch(digit.hidden.data() + static_cast<size_t>(row) * HIDDEN_WIDTH + i);
        }
}

// One tick back: `digit.grad` becomes the gradient of the state before the tick.
void backward(Digit& digit, const Weights& weights, int tick) {
    Gradients& gradients = *digit.gradients;
    const int count = digit.count[tick], first = digit.first[tick], rows = digit.first[tick + 1] - first;
    const int* fired = digit.fired.data() + first;
    const float* perception = digit.perception.data() + static_cast<size_t>(first) * HIDDEN_WIDTH;
    const float* hidden = digit.hidden.data() + static_cast<size_t>(first) * HIDDEN_WIDTH;
    float *grad = digit.grad.data(), *grad_residual = digit.grad_residual.data();
    float *grad_hidden = digit.grad_hidden.data(), *grad_perception = digit.grad_perception.data();
    float* sent = digit.sent.data();

    for (int row = 0; row < rows; row++) {
        const float* from = row < count ? grad + fired[row] * RESIDUAL_WIDTH : ZEROS;
        std::copy(from, from + ROW, grad_residual + row * RESIDUAL_WIDTH);
    }
    for (int from = 0; from < rows; from += CHUNK) {
        const int chunk = std::min(CHUNK, rows - from), start = from * HIDDEN_WIDTH;
        product<HIDDEN_WIDTH, COLUMNS>(
            0, chunk, zeros, 1, STATE,
            [&](int, int row, int i) { return grad_residual[(from + row) * RESIDUAL_WIDTH + i]; },
            weights.residual_back[0], HIDDEN_WIDTH,
            store_relu_backward(grad_hidden + start, hidden + start, HIDDEN_WIDTH));
        product<HIDDEN_WIDTH, COLUMNS>(
            0, chunk, zeros, 1, HIDDEN,
            [&](int, int row, int i) { return grad_hidden[start + row * HIDDEN_WIDTH + i]; }, weights.hidden_back[0],
            HIDDEN_WIDTH, store_relu_backward(grad_perception + start, perception + start, HIDDEN_WIDTH));
        if (tick == 0) continue;
        product<SENT_WIDTH, FEWER_COLUMNS>(
            0, chunk, zeros, 1, HIDDEN,
            [&](int, int row, int i) { return grad_perception[start + row * HIDDEN_WIDTH + i]; },
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
        add_product<ROW, HIDDEN_WIDTH, COLUMNS>(
            gradients.perception[tap][0], count, [&](int input, int cell) { return seen[cell][input]; },
            grad_perception);
    }
    add_product<HIDDEN, HIDDEN_WIDTH, COLUMNS>(
        gradients.hidden[0], count, [&](int input, int cell) { return perception[cell * HIDDEN_WIDTH + input]; },
        grad_hidden);
    add_product<ROW, HIDDEN_WIDTH, COLUMNS>(
        gradients.residual[0], count,
        [&](int output, int cell) { return grad_residual[cell * RESIDUAL_WIDTH + output]; }, hidden);
    const auto one = [](int, int) { return 1.0f; };
    add_product<1, HIDDEN_WIDTH, COLUMNS>(gradients.perception_bias, count, one, grad_perception);
    add_product<1, HIDDEN_WIDTH, COLUMNS>(gradients.hidden_bias, count, one, grad_hidden);
    add_product<1, RESIDUAL_WIDTH, 2>(gradients.residual_bias, count, one, grad_residual);
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
    digit.grad_hidden.grow(most_fired * HIDDEN_WIDTH);
    digit.grad_perception.grow(most_fired * HIDDEN_WIDTH);
    digit.sent.grow(most_fired * SENT_WIDTH);
    digit.seen.resize(most_fired);
    for (int tick = ticks - 1; tick >= 0; tick--) backward(digit, weights, tick);
}

}  // namespace
