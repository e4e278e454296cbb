// The random draws of a rollout: which cells fire, and their noise. The generator is counter-based, so any thread can
// draw any part, and every processor draws the same numbers, to rounding.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "compiler.h"
#include "errors.h"
#include "threads.h"

namespace {

constexpr int WIDTH = 16;               // numbers in a vector, on any processor, so that all draw the same
constexpr int PAIR = 2 * WIDTH;         // numbers that are drawn together
constexpr int64_t SLICE = 2048 * PAIR;  // numbers that a thread draws at a time; fewer are not worth a thread

typedef uint32_t Words __attribute__((vector_size(WIDTH * sizeof(uint32_t))));
typedef int32_t Integers __attribute__((vector_size(WIDTH * sizeof(int32_t))));
typedef float Floats __attribute__((vector_size(WIDTH * sizeof(float))));

enum Stream : uint32_t { FIRES, NOISE };

INLINE Words rotate(Words x, int bits) { return x << bits | x >> (32 - bits); }

// Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): the pair of
// vectors of that number.
INLINE void random_bits(const uint32_t* key, Stream stream, int64_t number, Words& x, Words& y) {
    constexpr int ROTATIONS[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA};
    const uint64_t first = static_cast<uint64_t>(number) * WIDTH;  // a multiple of WIDTH: no carry within a vector
    for (int i = 0; i < WIDTH; i++) x[i] = static_cast<uint32_t>(first) + i;
    x += keys[0];
    y = Words{} + static_cast<uint32_t>(first >> 32 | static_cast<uint64_t>(stream) << 31) + keys[1];
    UNROLL
    for (int round = 0; round < 20; round++) {
        x += y;
        y = rotate(y, ROTATIONS[round % 8]) ^ x;
        if (round % 4 == 3) {
            const uint32_t turn = round / 4 + 1;
            x += keys[turn % 3];
            y += keys[(turn + 1) % 3] + turn;
        }
    }
}

INLINE Floats to_floats(Words x) { return __builtin_convertvector((Integers)x, Floats); }

// The natural logarithm of numbers in (0, 1). That of the mantissa, scaled into [root of 1/2, root of 2), is summed by
// the series of artanh.
INLINE Floats logarithm(Floats x) {
    constexpr uint32_t ROOT_OF_HALF = 0x3F3504F3;
    const Words bits = (Words)x, mantissa = ((bits - ROOT_OF_HALF) & 0x007FFFFF) + ROOT_OF_HALF;
    const Floats exponent = to_floats(bits - mantissa) / 8388608.0f;
    const Floats s = ((Floats)mantissa - 1) / ((Floats)mantissa + 1), s2 = s * s;
    return exponent * 0.69314718f + 2 * s * (1 + s2 * (1 / 3.0f + s2 * (1 / 5.0f + s2 * (1 / 7.0f + s2 / 9))));
}

// Two normal numbers from two random words (Box and Muller, 1958). The angle is at most an eighth of a turn from one of
// the four axes, which two bits choose, so that short series suffice for its sine and cosine.
INLINE void normals(Words x, Words y, Floats& one, Floats& other) {
    const Floats squared = -2 * logarithm((to_floats(x >> 9) + 0.5f) / 8388608.0f);
    float radius[WIDTH];
    for (int i = 0; i < WIDTH; i++) radius[i] = std::sqrt(squared[i]);
    const Floats angle = (to_floats(y >> 9) + 0.5f) * (1.57079633f / 8388608.0f) - 0.78539816f, a2 = angle * angle;
    const Words sine = (Words)(angle * (1 - a2 * (1 / 6.0f - a2 * (1 / 120.0f - a2 / 5040))));
    const Words cosine = (Words)(1 - a2 * (0.5f - a2 * (1 / 24.0f - a2 * (1 / 720.0f - a2 / 40320))));
    const Words swapped = (sine ^ cosine) & -(y & 1), sign = (y & 2) << 30;
    Floats far;
    std::memcpy(&far, radius, sizeof far);
    one = far * (Floats)(cosine ^ swapped ^ sign);
    other = far * (Floats)(sine ^ swapped ^ sign);
}

// Write `count` numbers: draw_pair(pair, drawn) writes those from pair * PAIR on.
template <typename Number, typename Draw>
void draw(int64_t threads, int64_t count, Number* to, Draw draw_pair) {
    if (threads < 1 || count < 0 || (count > 0 && !to)) refuse("nothing can be drawn into so many numbers");
    parallel_for(threads, static_cast<int>((count + SLICE - 1) / SLICE), [&](int slice) {
        Number drawn[PAIR];
        for (int64_t from = slice * SLICE; from < std::min(count, (slice + 1) * SLICE); from += PAIR) {
            draw_pair(from / PAIR, drawn);
            std::copy(drawn, drawn + std::min<int64_t>(PAIR, count - from), to + from);
        }
    });
}

}  // namespace

// Both functions return a code of errors.h; `key` holds two words.
extern "C" {

// Whether each of `count` cells fires, one byte a cell.
int ca_draw_fires(int64_t threads, const uint32_t* key, double fire_rate, int64_t count, bool* fires) {
    return guarded([&] {
        const double rate = std::min(1.0, std::max(0.0, fire_rate));
        const uint64_t below = static_cast<uint64_t>(rate * 4294967296.0);
        draw(threads, count, fires, [=](int64_t pair, bool* drawn) {
            Words x, y;
            random_bits(key, FIRES, pair, x, y);
            for (int i = 0; i < WIDTH; i++) {
                drawn[i] = x[i] < below;
                drawn[WIDTH + i] = y[i] < below;
            }
        });
    });
}

// `count` normal numbers with mean zero and that standard deviation.
int ca_draw_noise(int64_t threads, const uint32_t* key, float deviation, int64_t count, float* noise) {
    return guarded([&] {
        draw(threads, count, noise, [=](int64_t pair, float* drawn) {
            Words x, y;
            random_bits(key, NOISE, pair, x, y);
            Floats one, other;
            normals(x, y, one, other);
            one *= deviation;
            other *= deviation;
            std::memcpy(drawn, &one, sizeof one);
            std::memcpy(drawn + WIDTH, &other, sizeof other);
        });
    });
}
}
