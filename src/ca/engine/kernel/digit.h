// The memory of one digit's rollout, and how a digit of the batch is read into it.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "products.h"
#include "threads.h"
#include "weights.h"

namespace {

// Memory that is kept until the tape is freed: mapping new memory is slow. It starts at a cache line.
class Buffer {
    std::unique_ptr<float, void (*)(void*)> memory{nullptr, std::free};
    size_t size = 0;

   public:
    float* grow(size_t needed) {
        if (needed > size) {
            memory.reset();
            size = 0;
            const size_t larger = (needed + needed / 8) / LINE * LINE + LINE;
            memory.reset(static_cast<float*>(std::aligned_alloc(LINE, larger * sizeof(float))));
            if (!memory) throw std::bad_alloc();
            size = larger;
        }
        return data();
    }
    float* data() { return memory.get(); }
};

// Threads take the rows of a large digit slice by slice.
constexpr int CHUNK = 20 * BLOCK;  // rows that go through all layers together
constexpr int SLICE = 10 * CHUNK;
int slices(int rows) { return std::max(1, (rows + SLICE - 1) / SLICE); }

// Do work(row) for all rows of a digit.
template <typename Work>
void for_slices(int64_t threads, int rows, Work work) {
    parallel_for(threads, slices(rows), [&](int slice) {
        for (int row = slice * SLICE; row < std::min(rows, (slice + 1) * SLICE); row++) work(row);
    });
}

// The activations of a layer that no backward pass needs. Each thread has its own.
Buffer& scratch(int layer) {
    thread_local Buffer buffers[LAYERS];
    return buffers[layer];
}

// The rows of a digit's cells among those of the batch.
struct Place {
    int alive, first;        // alive cells, and the first one's row
    int faint, first_faint;  // dead cells with a little ink, which their neighbours see
};

// One digit's rollout. Its rows are the alive cells, the faint cells, and last one dead neighbour, which stands for all
// pixels without ink.
struct Digit {
    int alive, rows;
    std::vector<int> cell_at;     // the row of each pixel
    std::vector<int> neighbours;  // (rows, TAPS) rows
    std::vector<int> fired;       // rows that fire, tick by tick; each tick is filled up to whole blocks with dead()
    std::vector<int> first;       // (ticks + 1) where each tick starts in `fired`
    std::vector<int> count;       // (ticks) how many cells fire
    std::vector<const float*> seen;
    Buffer start;           // (rows, FIRST_WIDTH) bias, and the liveness's share of the perception
    Buffer state;           // (ticks + 1, rows, ROW)
    Buffer active[LAYERS];  // (fired, padded(layer)) activations, kept for a backward pass
    Buffer grad;            // (rows, RESIDUAL_WIDTH) of the state
    Buffer grad_active[LAYERS], grad_residual, sent;  // of the cells that fire in a tick
    std::unique_ptr<Gradients> gradients;             // allocated by the first backward pass

    int dead() const { return rows - 1; }
    float* state_at(int tick) { return state.data() + static_cast<size_t>(tick) * rows * ROW; }
};

// The cells of the batch, row by row.
struct Cells {
    const float* values;        // (rows, CHANNELS)
    const int64_t *y, *x;       // (rows)
    int64_t width, num_pixels;  // of a digit with a margin of one pixel
};

// Where the digits' cells are among the rows, which hold the alive cells, then the faint ones, each digit by digit.
// Digits after the last alive cell are left out.
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

// The state at tick 0, the neighbours and the start of the perception of a digit. `digit.state` has been allocated.
void read_cells(Digit& digit, const Weights& weights, Place place, const Cells& cells, int64_t threads) {
    float *state = digit.state_at(0), *start = digit.start.grow(static_cast<size_t>(digit.rows) * FIRST_WIDTH);
    const auto row_of = [&](int cell) {
        return cell < place.alive ? place.first + cell : place.first_faint + cell - place.alive;
    };
    const auto pixel_of = [&](int cell) {
        return (cells.y[row_of(cell)] + 1) * cells.width + cells.x[row_of(cell)] + 1;
    };
    digit.cell_at.assign(cells.num_pixels, digit.dead());
    for_slices(threads, digit.dead(), [&](int cell) {
        digit.cell_at[pixel_of(cell)] = cell;
        const float* values = cells.values + static_cast<int64_t>(row_of(cell)) * CHANNELS;
        std::copy(values + 1, values + CHANNELS, state + cell * ROW);
        if (cell >= digit.alive) std::fill_n(state + cell * ROW, STATE, 0.0f);
        state[cell * ROW + STATE] = values[0];
    });
    std::fill_n(state + digit.dead() * ROW, ROW, 0.0f);
    std::fill_n(start + digit.dead() * FIRST_WIDTH, FIRST_WIDTH, 0.0f);
    digit.neighbours.assign(static_cast<size_t>(digit.rows) * TAPS, digit.dead());
    for_slices(threads, digit.alive, [&](int cell) {
        float* sums = start + cell * FIRST_WIDTH;
        std::copy(weights.perception_bias, weights.perception_bias + FIRST_WIDTH, sums);
        for (int tap = 0; tap < TAPS; tap++) {
            const int neighbour = digit.cell_at[pixel_of(cell) + (tap / 3 - 1) * cells.width + tap % 3 - 1];
            digit.neighbours[cell * TAPS + tap] = neighbour;
            const float level = state[neighbour * ROW + STATE];
            for (int i = 0; i < FIRST_WIDTH; i++) sums[i] += level * weights.liveness[tap][i];
        }
    });
}

// Which cells fire: `fires` holds one byte a cell, and a tick's cells are `stride` bytes after those of the tick
// before.
void read_fires(Digit& digit, int ticks, const uint8_t* fires, int64_t stride) {
    digit.fired.resize(static_cast<size_t>(ticks) * (digit.alive + BLOCK));
    digit.first.assign(1, 0);
    digit.count.clear();
    int end = 0;
    for (int tick = 0; tick < ticks; tick++, fires += stride) {
        for (int cell = 0; cell < digit.alive; cell++) {
            digit.fired[end] = cell;
            end += fires[cell] != 0;
        }
        digit.count.push_back(end - digit.first.back());
        while (end % BLOCK) digit.fired[end++] = digit.dead();
        digit.first.push_back(end);
    }
}

}  // namespace
