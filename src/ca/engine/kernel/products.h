// Matrix products over blocks of rows that are summed up in registers, in the vector types of GCC and Clang.

#pragma once

#include "compiler.h"

// A block of BLOCK rows by COLUMNS vectors of LANES numbers takes most registers, of which there are 32 or 16.
#if defined(__AVX512F__)
constexpr int LANES = 16, BLOCK = 5, COLUMNS = 5, FEWER_COLUMNS = 4;
#elif defined(__AVX2__)
constexpr int LANES = 8, BLOCK = 6, COLUMNS = 2, FEWER_COLUMNS = 2;
#else
constexpr int LANES = 4, BLOCK = 5, COLUMNS = 4, FEWER_COLUMNS = 4;
#endif

// How many of at most that many vectors make panels of rows of a width that are as wide as each other.
constexpr int panel(int width, int most = COLUMNS) {
    const int vectors = width / LANES, panels = (vectors + most - 1) / most;
    return (vectors + panels - 1) / panels;
}

// Rows of a block in the forward pass: two blocks are one where that leaves registers for 10 x 2 sums, as in AVX-512.
constexpr int tall(int width) { return LANES == 16 && panel(width) == 2 ? 2 * BLOCK : BLOCK; }

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));
typedef float Quad __attribute__((vector_size(4 * sizeof(float))));

// Numbers at any address; compilers make one instruction of it.
template <typename V = Vector>
INLINE V load(const float* from) {
    V vector;
    __builtin_memcpy(&vector, from, sizeof vector);
    return vector;
}
template <typename V>
INLINE void save(float* to, V vector) {
    __builtin_memcpy(to, &vector, sizeof vector);
}

template <int COUNT>
INLINE void add(float* to, const float* from) {
    int i = 0;
    UNROLL
    for (; i + LANES <= COUNT; i += LANES) save(to + i, load(to + i) + load(from + i));
    UNROLL
    for (; i + 4 <= COUNT; i += 4) save(to + i, load<Quad>(to + i) + load<Quad>(from + i));
    UNROLL
    for (; i < COUNT; i++) to[i] += from[i];
}

template <int COUNT>
INLINE float sum_of_absolutes(const float* numbers) {
    const auto absolute = [](auto v) { return v < 0 ? -v : v; };
    Quad sums{};
    float sum = 0;
    int i = 0;
    UNROLL
    for (; i + 4 <= COUNT; i += 4) sums += absolute(load<Quad>(numbers + i));
    UNROLL
    for (; i < COUNT; i++) sum += absolute(numbers[i]);
    return sum + (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// What is done with a sum: store it; store its ReLU; or store it as the gradient of a ReLU whose output was `output`.
INLINE auto store(float* to, int stride) {
    return [=](int row, int column, Vector sum) { save(to + row * stride + column, sum); };
}
INLINE auto store_relu(float* to, int stride) {
    return [=](int row, int column, Vector sum) { save(to + row * stride + column, sum > 0 ? sum : Vector{}); };
}
INLINE auto store_relu_backward(float* to, const float* output, int stride) {
    return [=](int row, int column, Vector sum) {
        save(to + row * stride + column, load(output + row * stride + column) > 0 ? sum : Vector{});
    };
}

// For ROWS rows from `first_row` on and VECTORS vectors of columns from `first_column` on:
// to(row, column, from(row)[column] + sum over all groups and i of input(group, row, i) * weights[column]);
// `weights` advances by `stride` for each of groups * inputs inputs.
template <int ROWS, int VECTORS, typename From, typename Input, typename To>
INLINE void block(int first_row, int first_column, From from, int groups, int inputs, Input input, const float* weights,
                  int stride, To to) {
    Vector sum[ROWS][VECTORS];
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        const float* start = from(first_row + r) + first_column;
        UNROLL
        for (int v = 0; v < VECTORS; v++) sum[r][v] = load(start + v * LANES);
    }
    weights += first_column;
    for (int group = 0; group < groups; group++) {
        for (int i = 0; i < inputs; i++, weights += stride) {
            Vector weight[VECTORS];
            UNROLL
            for (int v = 0; v < VECTORS; v++) weight[v] = load(weights + v * LANES);
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                const float x = input(group, first_row + r, i);
                UNROLL
                for (int v = 0; v < VECTORS; v++) sum[r][v] += x * weight[v];
            }
        }
    }
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        UNROLL
        for (int v = 0; v < VECTORS; v++) to(first_row + r, first_column + v * LANES, sum[r][v]);
    }
}

// The same for the rows from `first_row` to `end_row`, a multiple of ROWS, and for WIDTH columns, a multiple of LANES.
// All rows go through a panel of VECTORS vectors of the weights while that is in the cache, TALL rows at a time and
// then ROWS.
template <int WIDTH, int VECTORS, int ROWS = BLOCK, int TALL = ROWS, typename From, typename Input, typename To>
INLINE void product(int first_row, int end_row, From from, int groups, int inputs, Input input, const float* weights,
                    int stride, To to) {
    static_assert(WIDTH % LANES == 0, "rows are whole vectors");
    constexpr int REST = WIDTH / LANES % VECTORS, WHOLE = WIDTH - REST * LANES;
    for (int column = 0; column < WHOLE; column += VECTORS * LANES) {
        int row = first_row;
        if constexpr (TALL > ROWS)
            for (; row + TALL <= end_row; row += TALL)
                block<TALL, VECTORS>(row, column, from, groups, inputs, input, weights, stride, to);
        for (; row < end_row; row += ROWS)
            block<ROWS, VECTORS>(row, column, from, groups, inputs, input, weights, stride, to);
    }
    if constexpr (REST > 0)
        for (int row = first_row; row < end_row; row += ROWS)
            block<ROWS, REST>(row, WHOLE, from, groups, inputs, input, weights, stride, to);
}

// The same for ROWS rows, any number, of which the last ones are a smaller block; and added to what is there.
template <int ROWS, int WIDTH, typename Input>
INLINE void add_product(float* to, int inputs, Input input, const float* weights) {
    constexpr int REST = ROWS % BLOCK, WHOLE = ROWS - REST, VECTORS = panel(WIDTH);
    const auto from = [&](int row) { return to + row * WIDTH; };
    const auto input_of_one_group = [&](int, int row, int i) { return input(row, i); };
    product<WIDTH, VECTORS>(0, WHOLE, from, 1, inputs, input_of_one_group, weights, WIDTH, store(to, WIDTH));
    if constexpr (REST > 0)
        product<WIDTH, VECTORS, REST>(WHOLE, ROWS, from, 1, inputs, input_of_one_group, weights, WIDTH,
                                      store(to, WIDTH));
}
