// The arguments of the C interface, and their checks: nothing is read through a pointer whose type and shape have not
// been compared with the kernel's own sizes.

#pragma once

#include <climits>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "digit.h"
#include "errors.h"

namespace {

// These are mirrored by interface.py.
enum Type : int64_t { FLOAT32, FLOAT64, INT64, BOOL };

struct TensorArgument {
    void* data;
    int64_t type, dimensions, shape[3];
};

struct ParameterArguments {
    int64_t number;
    const TensorArgument* tensors;  // weight and bias of each layer
};

struct ForwardArguments {
    int64_t size;           // of this structure, in bytes
    int64_t threads, keep;  // keep: whether a backward pass will follow
    int64_t num_alive, num_digits, height, width;
    int64_t observe;                    // whether there are votes and sums
    TensorArgument cells, batch, y, x;  // (rows + 1, CHANNELS), (rows), (rows), (rows)
    TensorArgument fires, noise;        // (ticks, num_alive), (fired, STATE)
    ParameterArguments parameters;
    TensorArgument after;        // (rows + 1, CHANNELS)
    TensorArgument votes, sums;  // (ticks, num_digits, CLASSES), (ticks, num_digits, 2)
};

struct BackwardArguments {
    int64_t size;
    int64_t threads;
    TensorArgument grad_after;  // (rows + 1, CHANNELS)
    ParameterArguments gradients;
};

std::string text_of(const int64_t* shape, int64_t dimensions) {
    std::string text = "(";
    for (int64_t i = 0; i < dimensions; i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + ")";
}

// The tensor's numbers, if there are as many as expected; bools are read as bytes.
template <typename Number>
Number* numbers(const char* name, const TensorArgument& tensor, std::initializer_list<int64_t> shape) {
    constexpr const char* NAMES[] = {"float32", "float64", "int64", "bool"};
    constexpr Type TYPE = std::is_same_v<Number, float>     ? FLOAT32
                          : std::is_same_v<Number, double>  ? FLOAT64
                          : std::is_same_v<Number, int64_t> ? INT64
                                                            : BOOL;
    if (tensor.type != TYPE) refuse("%s must be %s for the compiled kernel", name, NAMES[TYPE]);
    const int64_t dimensions = static_cast<int64_t>(shape.size());
    if (tensor.dimensions != dimensions || !std::equal(shape.begin(), shape.end(), tensor.shape))
        refuse("%s has shape %s, but the compiled kernel expects %s", name,
               text_of(tensor.shape, std::min<int64_t>(std::max<int64_t>(tensor.dimensions, 0), 3)).c_str(),
               text_of(shape.begin(), dimensions).c_str());
    const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
    if (!tensor.data && !empty) refuse("%s has no data", name);
    return static_cast<Number*>(tensor.data);
}

// Returns the first size of a tensor, which other shapes are compared with.
int64_t length(const char* name, const TensorArgument& tensor) {
    if (tensor.dimensions < 1 || tensor.shape[0] < 0) refuse("%s has no dimensions", name);
    return tensor.shape[0];
}

// As in `ca.architecture`.
std::string layer_name(int layer) {
    if (layer == 0) return "perception";
    if (layer == LAYERS) return "residual";
    return layer == 1 ? "hidden" : "hidden_" + std::to_string(layer);
}

template <typename Number>
Parameters<Number> parameters(const std::string& prefix, const ParameterArguments& given) {
    constexpr int NUMBER = 2 * (LAYERS + 1);
    if (given.number != NUMBER || !given.tensors)
        refuse("the compiled kernel takes %d parameters, not %lld", NUMBER, static_cast<long long>(given.number));
    Parameters<Number> checked;
    for (int layer = 0; layer <= LAYERS; layer++) {
        const int inputs = layer == 0 ? TAPS * CHANNELS : WIDTHS[layer - 1];
        const int outputs = layer == LAYERS ? STATE : WIDTHS[layer];
        const std::string name = prefix + layer_name(layer);
        const TensorArgument *weight = given.tensors + 2 * layer, *bias = weight + 1;
        using Plain = std::remove_const_t<Number>;
        checked.weight[layer] = numbers<Plain>((name + ".weight").c_str(), *weight, {outputs, inputs});
        checked.bias[layer] = numbers<Plain>((name + ".bias").c_str(), *bias, {outputs});
    }
    return checked;
}

void check_range(const char* name, int64_t value, int64_t lowest, int64_t highest) {
    if (value < lowest || value > highest)
        refuse("%s is %lld, but must be between %lld and %lld", name, static_cast<long long>(value),
               static_cast<long long>(lowest), static_cast<long long>(highest));
}

template <typename Arguments>
const Arguments& checked_structure(const Arguments* arguments) {
    if (!arguments || arguments->size != sizeof(Arguments))
        refuse("the arguments of the compiled kernel do not fit it");
    check_range("threads", arguments->threads, 1, INT_MAX);
    return *arguments;
}

void check_indices(const char* name, const int64_t* indices, int64_t from, int64_t to, int64_t size, bool sorted) {
    for (int64_t row = from; row < to; row++) {
        if (indices[row] < 0 || indices[row] >= size)
            refuse("%s[%lld] is %lld, but must be from 0 to %lld", name, static_cast<long long>(row),
                   static_cast<long long>(indices[row]), static_cast<long long>(size - 1));
        if (sorted && row > from && indices[row] < indices[row - 1])
            refuse("%s[%lld] is smaller than the one before: the rows must be sorted by digit", name,
                   static_cast<long long>(row));
    }
}

// The tensors of a forward pass, all checked but for the number of noise rows, which counting the fires gives.
struct Forward {
    int rows, num_alive, ticks;
    Cells cells;
    const int64_t* batch;
    const uint8_t* fires;
    const float* noise;
    int64_t noise_rows;
    Parameters<const float> weights;
    float* after;
    int64_t* votes;  // null without an observation
    double* sums;

    explicit Forward(const ForwardArguments& given) {
        const int64_t num_rows = length("batch", given.batch), num_ticks = length("fires", given.fires);
        check_range("the number of rows", num_rows, 0, INT_MAX - 1);
        check_range("the number of ticks", num_ticks, 0, INT_MAX - 1);
        check_range("num_alive", given.num_alive, 0, num_rows);
        check_range("num_digits", given.num_digits, 0, INT_MAX);
        check_range("the height", given.height, 0, INT_MAX - 2);
        check_range("the width", given.width, 0, INT_MAX - 2);
        rows = static_cast<int>(num_rows);
        num_alive = static_cast<int>(given.num_alive);
        ticks = static_cast<int>(num_ticks);
        cells.values = numbers<float>("cells", given.cells, {num_rows + 1, CHANNELS});
        batch = numbers<int64_t>("batch", given.batch, {num_rows});
        cells.y = numbers<int64_t>("y", given.y, {num_rows});
        cells.x = numbers<int64_t>("x", given.x, {num_rows});
        cells.width = given.width + 2;
        cells.num_pixels = (given.height + 2) * cells.width;
        check_indices("batch", batch, 0, num_alive, given.num_digits, true);
        check_indices("batch", batch, num_alive, num_rows, given.num_digits, true);
        check_indices("y", cells.y, 0, num_rows, given.height, false);
        check_indices("x", cells.x, 0, num_rows, given.width, false);
        fires = numbers<uint8_t>("fires", given.fires, {num_ticks, given.num_alive});
        noise_rows = length("noise", given.noise);
        noise = numbers<float>("noise", given.noise, {noise_rows, STATE});
        weights = parameters<const float>("", given.parameters);
        after = numbers<float>("after", given.after, {num_rows + 1, CHANNELS});
        votes = nullptr;
        sums = nullptr;
        if (given.observe) {
            votes = numbers<int64_t>("votes", given.votes, {num_ticks, given.num_digits, CLASSES});
            sums = numbers<double>("sums", given.sums, {num_ticks, given.num_digits, 2});
        }
    }
};

// Within a digit the kernel counts in `int`.
void check_digit_sizes(const std::vector<Place>& places, int ticks) {
    for (const Place& place : places) {
        const int64_t digit_rows = static_cast<int64_t>(place.alive) + place.faint + 1;
        check_range("the number of cells in a digit", digit_rows, 1, INT_MAX / widest() - BLOCK);
        check_range("the number of cells times ticks in a digit", ticks * (static_cast<int64_t>(place.alive) + BLOCK),
                    0, INT_MAX);
    }
}

}  // namespace
