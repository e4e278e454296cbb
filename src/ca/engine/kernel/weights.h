// A model's weights and their gradients, in the orders in which the matrix products read them. Padding is zero.

#pragma once

#include <algorithm>
#include <cstring>

#include "sizes.h"

namespace {

// The model's parameters as PyTorch stores them: matrices (outputs, inputs), and biases.
template <typename Number>
struct Parameters {
    Number *perception, *perception_bias, *hidden, *hidden_bias, *residual, *residual_bias;
};

struct alignas(LINE) Weights {
    float liveness[TAPS][HIDDEN_WIDTH], perception_bias[HIDDEN_WIDTH];
    float perception[PERCEIVED][HIDDEN_WIDTH], perception_back[HIDDEN][SENT_WIDTH];
    float hidden[HIDDEN][HIDDEN_WIDTH], hidden_back[HIDDEN][HIDDEN_WIDTH], hidden_bias[HIDDEN_WIDTH];
    float residual[HIDDEN][RESIDUAL_WIDTH], residual_back[STATE][HIDDEN_WIDTH], residual_bias[RESIDUAL_WIDTH];

    explicit Weights(Parameters<const float> from) {
        std::memset(static_cast<void*>(this), 0, sizeof *this);
        for (int output = 0; output < HIDDEN; output++) {
            for (int tap = 0; tap < TAPS; tap++) {
                liveness[tap][output] = *from.perception++;
                for (int input = tap * STATE; input < (tap + 1) * STATE; input++)
                    perception[input][output] = perception_back[output][input] = *from.perception++;
            }
            for (int input = 0; input < HIDDEN; input++)
                hidden[input][output] = hidden_back[output][input] = *from.hidden++;
        }
        for (int output = 0; output < STATE; output++)
            for (int input = 0; input < HIDDEN; input++)
                residual[input][output] = residual_back[output][input] = *from.residual++;
        std::copy(from.perception_bias, from.perception_bias + HIDDEN, perception_bias);
        std::copy(from.hidden_bias, from.hidden_bias + HIDDEN, hidden_bias);
        std::copy(from.residual_bias, from.residual_bias + STATE, residual_bias);
    }
};

struct alignas(LINE) Gradients {
    float perception[TAPS][ROW][HIDDEN_WIDTH], perception_bias[HIDDEN_WIDTH];
    float hidden[HIDDEN][HIDDEN_WIDTH], hidden_bias[HIDDEN_WIDTH];
    float residual[ROW][HIDDEN_WIDTH], residual_bias[RESIDUAL_WIDTH];

    void clear() { std::memset(static_cast<void*>(this), 0, sizeof *this); }

    void add(const Gradients& other) {
        float* to = reinterpret_cast<float*>(this);
        const float* from = reinterpret_cast<const float*>(&other);
        for (size_t i = 0; i < sizeof *this / sizeof(float); i++) to[i] += from[i];
    }

    void copy_to(Parameters<float> to) const {
        for (int output = 0; output < HIDDEN; output++) {
            for (int tap = 0; tap < TAPS; tap++) {
                *to.perception++ = perception[tap][STATE][output];
                for (int input = 0; input < STATE; input++) *to.perception++ = perception[tap][input][output];
            }
            for (int input = 0; input < HIDDEN; input++) *to.hidden++ = hidden[input][output];
        }
        for (int output = 0; output < STATE; output++)
            to.residual = std::copy(residual[output], residual[output] + HIDDEN, to.residual);
        std::copy(perception_bias, perception_bias + HIDDEN, to.perception_bias);
        std::copy(hidden_bias, hidden_bias + HIDDEN, to.hidden_bias);
        std::copy(residual_bias, residual_bias + STATE, to.residual_bias);
    }
};

}  // namespace
