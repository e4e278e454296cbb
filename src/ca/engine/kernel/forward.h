// The forward pass of one digit.

#pragma once

#include "digit.h"

namespace {

// What is recorded of a digit after each tick; its numbers are `stride` digits apart from tick to tick.
struct Observation {
    int64_t* votes;  // (ticks, digits, CLASSES) cells whose largest output is a class's
    double* sums;    // (ticks, digits, 2) of the absolute state, and of the absolute residual of the cells that fired
    int64_t stride;

    void add_state(int tick, const float* state, int alive, int64_t threads) const {
        struct Counted {
            int64_t votes[CLASSES] = {};
            double sum = 0;
        };
        std::vector<Counted> counted(slices(alive));
        parallel_for(threads, slices(alive), [&](int slice) {
            Counted& of_slice = counted[slice];
            for (int cell = slice * SLICE; cell < std::min(alive, (slice + 1) * SLICE); cell++) {
                const float* row = state + static_cast<size_t>(cell) * ROW;
                of_slice.votes[largest(row + STATE - CLASSES)]++;
                of_slice.sum += sum_of_absolutes<STATE>(row);
            }
        });
        for (const Counted& of_slice : counted) {
            for (int i = 0; i < CLASSES; i++) votes[tick * stride * CLASSES + i] += of_slice.votes[i];
            sums[tick * stride * 2] += of_slice.sum;
        }
    }
    void add_residuals(int tick, const std::vector<double>& sums_of_slices) const {
        for (double sum : sums_of_slices) sums[tick * stride * 2 + 1] += sum;
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

// Adds the residuals and the noise to the states `after` of at most CHUNK cells that fire, whose neighbours are read
// from `before`: those from place `from` on among all that fire. Writes their activations; returns the sum of their
// absolute residuals if that is observed.
double forward_chunk(Digit& digit, const Weights& weights, int from, int rows, int count, const float* before,
                     float* after, const float* noise, float* const* active, bool observed) {
    const int* fired = digit.fired.data() + from;
    const float *start = digit.start.data(), *seen[TAPS][CHUNK];
    for (int tap = 0; tap < TAPS; tap++)
        for (int row = 0; row < rows; row++)
            seen[tap][row] = before + static_cast<size_t>(digit.neighbours[fired[row] * TAPS + tap]) * ROW;
    product<FIRST_WIDTH, panel(FIRST_WIDTH), BLOCK, tall(FIRST_WIDTH)>(
        0, rows, [&](int row) { return start + static_cast<size_t>(fired[row]) * FIRST_WIDTH; }, TAPS, STATE,
        [&](int tap, int row, int i) { return seen[tap][row][i]; }, weights.perception[0], FIRST_WIDTH,
        store_relu(active[0], FIRST_WIDTH));
    for_layers_between([&](auto number) {
        constexpr int LAYER = number, WIDTH = padded(LAYER), BEFORE = padded(LAYER - 1);
        const auto& layer = weights.layer<LAYER>();
        const float* input = active[LAYER - 1];
        product<WIDTH, panel(WIDTH), BLOCK, tall(WIDTH)>(
            0, rows, [&](int) { return layer.bias; }, 1, WIDTHS[LAYER - 1],
            [&](int, int row, int i) { return input[row * BEFORE + i]; }, layer.forward[0], WIDTH,
            store_relu(active[LAYER], WIDTH));
    });
    alignas(LINE) float residual[CHUNK * RESIDUAL_WIDTH];
    const float* last = active[LAYERS - 1];
    product<RESIDUAL_WIDTH, panel(RESIDUAL_WIDTH), BLOCK, tall(RESIDUAL_WIDTH)>(
        0, rows, [&](int) { return weights.residual_bias; }, 1, WIDTHS[LAYERS - 1],
        [&](int, int row, int i) { return last[row * LAST_WIDTH + i]; }, weights.residual[0], RESIDUAL_WIDTH,
        store(residual, RESIDUAL_WIDTH));
    double sum = 0;
    for (int row = 0; row < count; row++) {
        float* of_cell = residual + row * RESIDUAL_WIDTH;
        if (observed) sum += sum_of_absolutes<STATE>(of_cell);
        add<STATE>(of_cell, noise + row * STATE);
        add<STATE>(after + static_cast<size_t>(fired[row]) * ROW, of_cell);
    }
    return sum;
}

// All ticks; the cells of a large digit are shared among threads. `noise_first` says where the digit's part of each
// tick's noise begins. Without `keep` nothing remains but the last state, at tick ticks % 2. `observation` may be null.
void forward(Digit& digit, const Weights& weights, int ticks, bool keep, const float* noise, const int64_t* noise_first,
             const Observation* observation, int64_t threads) {
    std::vector<double> residual_sums;
    for (int tick = 0; tick < ticks; tick++) {
        const float* before = digit.state_at(keep ? tick : tick % 2);
        float* after = digit.state_at(keep ? tick + 1 : (tick + 1) % 2);
        const int first = digit.first[tick], end = digit.first[tick + 1], *fired = digit.fired.data();
        const float* added = noise + noise_first[tick] * STATE;
        residual_sums.assign(slices(end - first), 0);
        parallel_for(threads, slices(end - first), [&](int slice) {
            const int from = first + slice * SLICE, to = std::min(end, from + SLICE);
            // The states of all cells before the first one of the next slice.
            const size_t cell = slice ? fired[from] : 0, next_cell = to < end ? fired[to] : digit.rows;
            std::copy(before + cell * ROW, before + next_cell * ROW, after + cell * ROW);
            for (int row = from; row < to; row += CHUNK) {
                float* active[LAYERS];
                for (int layer = 0; layer < LAYERS; layer++)
                    active[layer] = keep ? digit.active[layer].data() + static_cast<size_t>(row) * padded(layer)
                                         : scratch(layer).grow(CHUNK * padded(layer));
                const int rows = std::min(CHUNK, to - row), count = std::min(rows, first + digit.count[tick] - row);
                residual_sums[slice] +=
                    forward_chunk(digit, weights, row, rows, count, before, after,
                                  added + static_cast<size_t>(row - first) * STATE, active, observation);
            }
        });
        if (!observation) continue;
        observation->add_residuals(tick, residual_sums);
        observation->add_state(tick, after, digit.alive, threads);
    }
}

}  // namespace
