// The sizes of the automaton, and of the rows that hold its numbers in memory.

#pragma once

#include <cstddef>

#if !defined(CA_STATE_CHANNELS) || !defined(CA_NUM_CLASSES) || !defined(CA_HIDDEN) || !defined(CA_TAPS)
#error "the sizes are missing: build.py passes -DCA_STATE_CHANNELS, -DCA_NUM_CLASSES, -DCA_HIDDEN and -DCA_TAPS"
#endif

constexpr int STATE = CA_STATE_CHANNELS, CLASSES = CA_NUM_CLASSES, HIDDEN = CA_HIDDEN, TAPS = CA_TAPS;
static_assert(TAPS == 9, "the compiled kernel computes 3x3 neighbourhoods only");
static_assert(0 < CLASSES && CLASSES <= STATE && 0 < HIDDEN, "the classes are the last channels of the state");

constexpr int CHANNELS = 1 + STATE;      // in PyTorch: the liveness, then the state
constexpr int ROW = STATE + 1;           // in the kernel: the state, then the liveness
constexpr int PERCEIVED = TAPS * STATE;  // inputs that change from tick to tick

// Rows that the matrix products write are padded to whole cache lines, which are whole vectors on any processor.
constexpr size_t LINE = 64;  // bytes
constexpr int whole_lines(int numbers) {
    constexpr int IN_LINE = LINE / sizeof(float);
    return (numbers + IN_LINE - 1) / IN_LINE * IN_LINE;
}
constexpr int HIDDEN_WIDTH = whole_lines(HIDDEN);
constexpr int RESIDUAL_WIDTH = whole_lines(ROW);
constexpr int SENT_WIDTH = whole_lines(PERCEIVED + 1);  // one more: the last tap too is read as a row of ROW numbers
constexpr int WIDEST = HIDDEN_WIDTH > SENT_WIDTH ? HIDDEN_WIDTH : SENT_WIDTH;
