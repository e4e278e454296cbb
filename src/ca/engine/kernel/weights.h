// A model's weights and their gradients, in the orders in which the matrix products read them. Padding is zero.

#pragma once

#include <algorithm>
#include <cstring>

#include "sizes.h"

namespace {

// The model's parameters as PyTorch stores them, layer by layer: matrices (outputs, inputs), and biases.
template <typename Number>
struct Parameters {
    Number *weight[LAYERS + 1], *bias[LAYERS + 1];
};

// Of the layer between the first one and the residual with that number, from 1 on, and of those before it.
template <int LAYER>
struct WeightsUpTo : WeightsUpTo<LAYER - 1> {
    float forward[WIDTHS[LAYER - 1]][padded(LAYER)], back[WIDTHS[LAYER]][padded(LAYER - 1)], bias[padded(LAYER)];
};
template <>
struct WeightsUpTo<0> {};

struct alignas(LINE) Weights : WeightsUpTo<LAYERS - 1> {
    float liveness[TAPS][FIRST_WIDTH], perception_bias[FIRST_WIDTH];
    float perception[PERCEIVED][FIRST_WIDTH], perception_back[WIDTHS[0]][SENT_WIDTH];
    float residual[WIDTHS[LAYERS - 1]][RESIDUAL_WIDTH], residual_back[STATE][LAST_WIDTH];
    float residual_bias[RESIDUAL_WIDTH];

    template <int LAYER>
    const WeightsUpTo<LAYER>& layer() const {
        return *this;
    }

    explicit Weights(const Parameters<const float>& from) {
        std::memset(static_cast<void*>(this), 0, sizeof *this);
        const float* weight = from.weight[0];
        for (int output = 0; output < WIDTHS[0]; output++)
            for (int tap = 0; tap < TAPS; tap++) {
                liveness[tap][output] = *weight++;
                for (int input = tap * STATE; input < (tap + 1) * STATE; input++)
                    perception[input][output] = perception_back[output][input] = *weight++;
            }
        std::copy_n(from.bias[0], WIDTHS[0], perception_bias);
        for_layers_between([&](auto number) {
            constexpr int LAYER = number;
            WeightsUpTo<LAYER>& to = *this;
            const float* hidden = from.weight[LAYER];
            for (int output = 0; output < WIDTHS[LAYER]; output++)
                for (int input = 0; input < WIDTHS[LAYER - 1]; input++)
                    to.forward[input][output] = to.back[output][input] = *hidden++;
            std::copy_n(from.bias[LAYER], WIDTHS[LAYER], to.bias);
        });
        weight = from.weight[LAYERS];
        for (int output = 0; output < STATE; output++)
            for (int input = 0; input < WIDTHS[LAYERS - 1]; input++)
                residual[input][output] = residual_back[output][input] = *weight++;
        std::copy_n(from.bias[LAYERS], STATE, residual_bias);
    }
};

template <int LAYER>
struct GradientsUpTo : GradientsUpTo<LAYER - 1> {
    float weight[WIDTHS[LAYER - 1]][padded(LAYER)], bias[padded(LAYER)];
};
template <>
struct GradientsUpTo<0> {};

struct alignas(LINE) Gradients : GradientsUpTo<LAYERS - 1> {
    float perception[TAPS][ROW][FIRST_WIDTH], perception_bias[FIRST_WIDTH];
    float residual[ROW][LAST_WIDTH], residual_bias[RESIDUAL_WIDTH];

    template <int LAYER>
    GradientsUpTo<LAYER>& layer() {
        return *this;
    }

    void clear() { std::memset(static_cast<void*>(this), 0, sizeof *this); }

    void add(const Gradients& other) {
        float* to = reinterpret_cast<float*>(this);
        const float* from = reinterpret_cast<const float*>(&other);
        for (size_t i = 0; i < sizeof *this / sizeof(float); i++) to[i] += from[i];
    }

    void copy_to(const Parameters<float>& to) {
        float* weight = to.weight[0];
        for (int output = 0; output < WIDTHS[0]; output++)
            for (int tap = 0; tap < TAPS; tap++) {
                *weight++ = perception[tap][STATE][output];
                for (int input = 0; input < STATE; input++) *weight++ = perception[tap][input][output];
            }
        std::copy_n(perception_bias, WIDTHS[0], to.bias[0]);
        for_layers_between([&](auto number) {
            constexpr int LAYER = number;
            const GradientsUpTo<LAYER>& from = layer<LAYER>();
            float* hidden = to.weight[LAYER];
            for (int output = 0; output < WIDTHS[LAYER]; output++)
                for (int input = 0; input < WIDTHS[LAYER - 1]; input++) *hidden++ = from.weight[input][output];
            std::copy_n(from.bias, WIDTHS[LAYER], to.bias[LAYER]);
        });
        weight = to.weight[LAYERS];
        for (int output = 0; output < STATE; output++)
            weight = std::copy_n(residual[output], WIDTHS[LAYERS - 1], weight);
        std::copy_n(residual_bias, STATE, to.bias[LAYERS]);
    }
};

}  // namespace
