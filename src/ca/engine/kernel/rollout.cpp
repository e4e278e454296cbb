// The C interface of rollouts and their gradients; README.md beside this file explains the method. All numbers are
// float32 unless a type says otherwise.

#include <mutex>
#include <numeric>

#include "arguments.h"
#include "backward.h"
#include "forward.h"

namespace {

// What a rollout leaves for its backward pass. Later rollouts use its memory again.
struct Tape {
    std::mutex mutex;
    bool kept = false;  // whether the last rollout left what a backward pass needs
    int rows = 0, ticks = 0;
    std::vector<Place> places;
    std::vector<int> largest_first;              // the order in which threads take the digits
    std::vector<std::unique_ptr<Digit>> digits;  // at least as many as places
    std::unique_ptr<Weights> weights;
};

// Threads take a digit each if there are enough, or else the parts of one digit after the other.
struct Team {
    int64_t for_digits, within_digit;

    Team(int64_t threads, size_t digits) {
        const bool enough = digits >= static_cast<size_t>(threads);
        for_digits = enough ? threads : 1;
        within_digit = enough ? 1 : threads;
    }
};

Tape& checked_tape(void* tape) {
    if (!tape) refuse("there is no tape");
    return *static_cast<Tape*>(tape);
}

// Where each digit's part of each tick's noise begins, (digits, ticks): the noise is given tick by tick.
std::vector<int64_t> find_noise(const std::vector<Place>& places, const Forward& given) {
    std::vector<int64_t> first(places.size() * given.ticks);
    int64_t total = 0;
    for (int tick = 0; tick < given.ticks; tick++)
        for (size_t n = 0; n < places.size(); n++) {
            first[n * given.ticks + tick] = total;
            const uint8_t* fires = given.fires + static_cast<int64_t>(tick) * given.num_alive + places[n].first;
            total += std::count_if(fires, fires + places[n].alive, [](uint8_t fired) { return fired != 0; });
        }
    if (total != given.noise_rows)
        refuse("noise has %lld rows, but %lld cells fire", static_cast<long long>(given.noise_rows),
               static_cast<long long>(total));
    return first;
}

void roll_out(Tape& tape, const ForwardArguments& arguments) {
    const std::lock_guard<std::mutex> lock(tape.mutex);
    tape.kept = false;
    const Forward given(arguments);
    const bool keep = arguments.keep;
    const int ticks = tape.ticks = given.ticks;
    tape.rows = given.rows;
    tape.places = find_places(given.rows, given.num_alive, given.batch);
    const std::vector<Place>& places = tape.places;
    check_digit_sizes(places, ticks);
    const std::vector<int64_t> noise_first = find_noise(places, given);
    tape.weights = std::make_unique<Weights>(given.weights);
    while (tape.digits.size() < places.size()) tape.digits.push_back(std::make_unique<Digit>());
    tape.largest_first.resize(places.size());
    std::iota(tape.largest_first.begin(), tape.largest_first.end(), 0);
    std::stable_sort(tape.largest_first.begin(), tape.largest_first.end(),
                     [&](int a, int b) { return places[a].alive > places[b].alive; });

    const Team team(arguments.threads, places.size());
    parallel_for(team.for_digits, static_cast<int>(places.size()), [&](int turn) {
        const int n = tape.largest_first[turn];
        Digit& digit = *tape.digits[n];
        digit.alive = places[n].alive;
        digit.rows = places[n].alive + places[n].faint + 1;
        digit.state.grow((keep ? ticks + size_t{1} : 2) * digit.rows * ROW);
        read_cells(digit, *tape.weights, places[n], given.cells, team.within_digit);
        read_fires(digit, ticks, given.fires + places[n].first, given.num_alive);
        for (int layer = 0; layer < LAYERS && keep; layer++)
            digit.active[layer].grow(static_cast<size_t>(digit.first.back()) * padded(layer));
        const int64_t* first = noise_first.data() + static_cast<size_t>(n) * ticks;
        Observation observation{};
        if (given.votes) observation = {given.votes + n * CLASSES, given.sums + n * 2, arguments.num_digits};
        forward(digit, *tape.weights, ticks, keep, given.noise, first, given.votes ? &observation : nullptr,
                team.within_digit);
        const float* last = digit.state_at(keep ? ticks : ticks % 2);
        for (int cell = 0; cell < digit.alive; cell++)
            std::copy_n(last + static_cast<size_t>(cell) * ROW, STATE,
                        given.after + static_cast<int64_t>(places[n].first + cell) * CHANNELS + 1);
    });
    tape.kept = keep;
}

void roll_back(Tape& tape, const BackwardArguments& arguments) {
    const std::lock_guard<std::mutex> lock(tape.mutex);
    if (!tape.kept) refuse("the tape holds no rollout that was kept for a backward pass");
    const float* grad_after =
        numbers<float>("grad_after", arguments.grad_after, {static_cast<int64_t>(tape.rows) + 1, CHANNELS});
    const Parameters<float> to = parameters<float>("the gradient of ", arguments.gradients);
    const int num_digits = static_cast<int>(tape.places.size());
    const Team team(arguments.threads, tape.places.size());
    parallel_for(team.for_digits, num_digits, [&](int turn) {
        const int n = tape.largest_first[turn];
        const float* grad_cells = grad_after + static_cast<int64_t>(tape.places[n].first) * CHANNELS;
        backward(*tape.digits[n], *tape.weights, tape.ticks, grad_cells, team.within_digit);
    });
    const auto sum = std::make_unique<Gradients>();
    sum->clear();
    for (int n = 0; n < num_digits; n++) sum->add(*tape.digits[n]->gradients);  // always in the same order
    sum->copy_to(to);
}

}  // namespace

// Functions that return an `int` return a code of errors.h.
extern "C" {

// The text of the last error in this thread.
const char* ca_error_text() { return error_text; }

// Null if there is not enough memory.
void* ca_new_tape() {
    Tape* tape = nullptr;
    guarded([&] { tape = new Tape; });
    return tape;
}

void ca_free_tape(void* tape) { delete static_cast<Tape*>(tape); }

// Writes the states of the alive cells after all ticks into `after`; adds to votes and sums, which must be zero.
int ca_forward(void* tape, const ForwardArguments* arguments) {
    return guarded([&] {
        Tape& checked = checked_tape(tape);
        roll_out(checked, checked_structure(arguments));
    });
}

// Writes the gradients of all parameters, from that of `after`.
int ca_backward(void* tape, const BackwardArguments* arguments) {
    return guarded([&] {
        Tape& checked = checked_tape(tape);
        roll_back(checked, checked_structure(arguments));
    });
}
}
