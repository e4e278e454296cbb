// What GCC and Clang spell differently.

#pragma once

#define INLINE __attribute__((always_inline)) inline
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
