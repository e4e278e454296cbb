// The speed of fused multiply-adds whose numbers all stay in registers: no program computes products faster.

#include <atomic>

#include "errors.h"
#include "products.h"
#include "threads.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace {

// Sums that do not wait for each other: more than the processor has multiply-adds under way, and few enough for its
// registers.
#if defined(__x86_64__) && !defined(__AVX512F__)
constexpr int SUMS = 12;
#else
constexpr int SUMS = 24;
#endif

// Compute `times` multiply-adds of each sum; multiply_add(sum) is one. Returns the number of all.
template <typename MultiplyAdd>
int64_t repeat(int64_t times, MultiplyAdd multiply_add) {
    Vector sums[SUMS];
    for (int n = 0; n < SUMS; n++) sums[n] = Vector{} + static_cast<float>(n);
    for (int64_t time = 0; time < times; time++) {
        UNROLL
        for (int n = 0; n < SUMS; n++) sums[n] = multiply_add(sums[n]);
    }
    Vector total{};
    for (int n = 0; n < SUMS; n++) total += sums[n];
    [[maybe_unused]] volatile float used = total[0];  // or the compiler would leave everything out
    return times * SUMS;
}

}  // namespace

extern "C" {

// Compute in all threads at once, for about `times` turns of a loop each. Writes the number of floating-point
// operations, two for a multiply-add; 0 where the processor has no instruction for bfloat16.
int ca_multiply_add(int64_t threads, int64_t times, int64_t bfloat16, int64_t* operations) {
    return guarded([&] {
        if (threads < 1 || threads > 1 << 20 || times < 0 || !operations) refuse("nothing can be multiplied");
        std::atomic<int64_t> done(0);
        parallel_for(threads, static_cast<int>(threads), [&](int) {
            volatile float factor = 0.5f, summand = 0.25f;  // unknown to the compiler
            if (!bfloat16) {
                const Vector x = Vector{} + factor, y = Vector{} + summand;
                done += 2 * LANES * repeat(times, [=](Vector sum) { return sum * x + y; });
                return;
            }
#if defined(__AVX512BF16__)
            const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(factor), _mm512_set1_ps(summand));
            done += 4 * LANES * repeat(times, [=](Vector sum) { return (Vector)_mm512_dpbf16_ps((__m512)sum, x, x); });
#endif
        });
        *operations = done;
    });
}
}
