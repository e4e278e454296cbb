// No exception may leave the C interface: its functions return a code, and keep the text for `ca_error_text`.

#pragma once

#include <cstdarg>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>

enum Code : int { DONE, INVALID_ARGUMENT, OUT_OF_MEMORY, FAILED };  // interface.py mirrors them

inline thread_local char error_text[400];

// Refuse what the caller gave, with a text as of printf.
[[noreturn]] __attribute__((format(printf, 1, 2))) inline void refuse(const char* format, ...) {
    char text[sizeof error_text];
    va_list values;
    va_start(values, format);
    std::vsnprintf(text, sizeof text, format, values);
    va_end(values);
    throw std::invalid_argument(text);
}

inline Code failed(Code code, const char* text) {
    std::snprintf(error_text, sizeof error_text, "%s", text);
    return code;
}

// Do the work; returns a code whatever happens.
template <typename Work>
Code guarded(Work work) noexcept {
    try {
        work();
        return DONE;
    } catch (const std::invalid_argument& error) {
        return failed(INVALID_ARGUMENT, error.what());
    } catch (const std::bad_alloc&) {
        return failed(OUT_OF_MEMORY, "not enough memory for the compiled kernel");
    } catch (const std::length_error&) {  // of a vector
        return failed(OUT_OF_MEMORY, "not enough memory for the compiled kernel");
    } catch (const std::exception& error) {
        return failed(FAILED, error.what());
    } catch (...) {
        return failed(FAILED, "unknown error in the compiled kernel");
    }
}
