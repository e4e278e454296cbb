// Threads that share the work of one call.

#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

// Threads that wait for work between two calls: starting them anew takes 1 to 2 % of a training step.
class ThreadPool {
    std::mutex turn, mutex;
    std::condition_variable begin, end;
    const std::function<void()>* work = nullptr;
    int size = 0, wanted = 0, working = 0;

    void serve() {
        std::unique_lock<std::mutex> lock(mutex);
        for (;;) {
            begin.wait(lock, [&] { return wanted > 0; });
            wanted--;
            working++;
            const auto& given = *work;
            lock.unlock();
            given();
            lock.lock();
            if (--working == 0) end.notify_one();
        }
    }

    // Start threads up to that size, or as many as the system allows.
    void grow(int wanted_size) {
        try {
            for (; size < wanted_size; size++) std::thread([this] { serve(); }).detach();
        } catch (const std::system_error&) {
        }
    }

   public:
    // Call `given` in this thread and in up to `others` more. Those that have not begun when it returns here are not
    // waited for. `given` must not throw.
    void call(int others, const std::function<void()>& given) {
        if (others <= 0) return given();  // it may be called by work that is done by these threads
        const std::unique_lock<std::mutex> own_turn(turn, std::try_to_lock);
        if (!own_turn) return given();  // the threads work for another caller
        {
            const std::lock_guard<std::mutex> lock(mutex);
            grow(others);
            work = &given;
            wanted = std::min(others, size);
        }
        begin.notify_all();
        given();
        std::unique_lock<std::mutex> lock(mutex);
        wanted = 0;
        end.wait(lock, [&] { return working == 0; });
    }

    // The threads of this process. They wait until it ends, so the pool is never destroyed. A forked process does not
    // have its parent's threads, so its pool is made anew in the same memory.
    static ThreadPool& of_this_process() {
        alignas(ThreadPool) static unsigned char memory[sizeof(ThreadPool)];
        static ThreadPool* const pool = [] {
            pthread_atfork(nullptr, nullptr, [] { new (memory) ThreadPool; });
            return new (memory) ThreadPool;
        }();
        return *pool;
    }
};

// Do work(0), ..., work(count - 1) in up to `threads` threads, this one included. An exception of any of them ends the
// work and is thrown here.
template <typename Work>
void parallel_for(int64_t threads, int count, Work work) {
    std::atomic<int> next(0);
    std::atomic<bool> failed(false);
    std::exception_ptr error;
    const int others = static_cast<int>(std::min<int64_t>(threads, count)) - 1;
    ThreadPool::of_this_process().call(others, [&] {
        try {
            for (int n; !failed && (n = next++) < count;) work(n);
        } catch (...) {
            if (!failed.exchange(true)) error = std::current_exception();
        }
    });
    if (error) std::rethrow_exception(error);
}
