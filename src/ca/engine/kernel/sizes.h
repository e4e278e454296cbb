// The sizes of the automaton, and of the rows that hold its numbers in memory.

#pragma once

#include <cstddef>
#include <utility>

#if !defined(CA_STATE_CHANNELS) || !defined(CA_NUM_CLASSES) || !defined(CA_HIDDEN) || !defined(CA_TAPS)
#error "the sizes are missing: build.py passes -DCA_STATE_CHANNELS, -DCA_NUM_CLASSES, -DCA_HIDDEN and -DCA_TAPS"
#endif

constexpr int STATE = CA_STATE_CHANNELS, CLASSES = CA_NUM_CLASSES, TAPS = CA_TAPS;
constexpr int WIDTHS[] = {CA_HIDDEN};                   // of the layers before the residual; the first perceives
constexpr int LAYERS = sizeof WIDTHS / sizeof *WIDTHS;  // before the residual
static_assert(TAPS == 9, "the compiled kernel computes 3x3 neighbourhoods only");
static_assert(0 < CLASSES && CLASSES <= STATE, "the classes are the last channels of the state");

constexpr int CHANNELS = 1 + STATE;      // in PyTorch: the liveness, then the state
constexpr int ROW = STATE + 1;           // in the kernel: the state, then the liveness
constexpr int PERCEIVED = TAPS * STATE;  // inputs that change from tick to tick

// Rows that the matrix products write are padded to whole cache lines, which are whole vectors on any processor.
constexpr size_t LINE = 64;  // bytes
constexpr int whole_lines(int numbers) {
    constexpr int IN_LINE = LINE / sizeof(float);
    return (numbers + IN_LINE - 1) / IN_LINE * IN_LINE;
}
constexpr int padded(int layer) { return whole_lines(WIDTHS[layer]); }
constexpr int FIRST_WIDTH = padded(0), LAST_WIDTH = padded(LAYERS - 1);
constexpr int RESIDUAL_WIDTH = whole_lines(ROW);
constexpr int SENT_WIDTH = whole_lines(PERCEIVED + 1);  // one more: the last tap too is read as a row of ROW numbers
constexpr int widest() {
    int most = SENT_WIDTH;
    for (int layer = 0; layer < LAYERS; layer++) most = padded(layer) > most ? padded(layer) : most;
    return most;
}

// Do work(number) for each layer between the first one and the residual, from 1 to LAYERS - 1 or back. The number is a
// type, from which the sizes of the layer are known when the kernel is compiled.
template <int... BEFORE, typename Work>
void for_layers_between(std::integer_sequence<int, BEFORE...>, [[maybe_unused]] Work work) {
    (work(std::integral_constant<int, BEFORE + 1>{}), ...);
}
template <typename Work>
void for_layers_between(Work work) {
    for_layers_between(std::make_integer_sequence<int, LAYERS - 1>{}, work);
}
template <typename Work>
void for_layers_between_backwards(Work work) {
    for_layers_between([&](auto number) { work(std::integral_constant<int, LAYERS - number>{}); });
}
