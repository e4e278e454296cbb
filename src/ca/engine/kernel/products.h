// Matrix products over blocks of rows that are summed up in registers, in the vector types of GCC and Clang.

#pragma once

#include "compiler.h"

// A block of BLOCK rows by COLUMNS vectors of LANES numbers takes most registers, of which there are 32 or 16.
#if defined(__AVX512F__)
constexpr int LANES = 16, COLUMNS = 5, FEWER_COLUMNS = 4;
#elif defined(__AVX2__)
constexpr int LANES = 8, COLUMNS = 2, FEWER_COLUMNS = 2;
#else
constexpr int LANES = 4, COLUMNS = 4, FEWER_COLUMNS = 4;
#endif
constexpr int BLOCK = 5;

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));
typedef float Quad __attribute__((vector_size(4 * sizeof(float))));

// Numbers anywhere in memory; compilers make one instruction of it.
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
    UNROLL for (; i + LANES <= COUNT; i += LANES) save(to + i, load(to + i) + load(from + i));
    UNROLL for (; i + 4 <= COUNT; i += 4) save(to + i, load<Quad>(to + i) + load<Quad>(from + i));
    UNROLL for (; i < COUNT; i++) to[i] += from[i];
}

// Where sums go: as they are; through a ReLU; or back through one, whose output is `kept`.
INLINE auto store(float* to, int stride) {
    return [=](int r, int c, Vector sum) { save(to + r * stride + c, sum); };
}
INLINE auto store_relu(float* to, int stride) {
    return [=](int r, int c, Vector sum) { save(to + r * stride + c, sum > 0 ? sum : Vector{}); };
}
INLINE auto store_relu_backward(float* to, const float* kept, int stride) {
    return [=](int r, int c, Vector sum) {
        save(to + r * stride + c, load(kept + r * stride + c) > 0 ? sum : Vector{});
    };
}

// For R rows from r0 on and C vectors of columns from c0 on:
// to(r, c, from(r)[c] + sum over g and k of input(g, r, k) * weights[c]);
// the weights go on by `stride` for each of groups * inputs inputs.
template <int R, int C, typename From, typename Input, typename To>
INLINE void block(int r0, int c0, From from, int groups, int inputs, Input input, const float* weights, int stride, To to) {
    Vector sum[R][C];
    UNROLL for (int r = 0; r < R; r++)
        UNROLL for (int c = 0; c < C; c++) sum[r][c] = load(from(r0 + r) + c0 + c * LANES);
    weights += c0;
    for (int g = 0; g < groups; g++) {
        for (int k = 0; k < inputs; k++, weights += stride) {
            Vector w[C];
            UNROLL for (int c = 0; c < C; c++) w[c] = load(weights + c * LANES);
            UNROLL for (int r = 0; r < R; r++) {
                const float x = input(g, r0 + r, k);
                UNROLL for (int c = 0; c < C; c++) sum[r][c] += x * w[c];
            }
        }
    }
    UNROLL for (int r = 0; r < R; r++)
        UNROLL for (int c = 0; c < C; c++) to(r0 + r, c0 + c * LANES, sum[r][c]);
}

// The same for `rows` rows, a multiple of R, and WIDTH columns. All rows go through a panel of C vectors of the weights
// while that is in the cache.
template <int WIDTH, int C, int R = BLOCK, typename From, typename Input, typename To>
INLINE void product(int rows, From from, int groups, int inputs, Input input, const float* weights, int stride, To to) {
    constexpr int REST = WIDTH / LANES % C, WHOLE = WIDTH - REST * LANES;
    for (int c = 0; c < WHOLE; c += C * LANES)
        for (int r = 0; r < rows; r += R) block<R, C>(r, c, from, groups, inputs, input, weights, stride, to);
    if constexpr (REST > 0)
        for (int r = 0; r < rows; r += R) block<R, REST>(r, WHOLE, from, groups, inputs, input, weights, stride, to);
}
