#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

// Threads that wait for work between two calls: a rollout takes milliseconds, and starting threads is part of them.
class Crew {
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

   public:
    // Call `given` here and on so many others; those that have not begun when it ends here are not waited for.
    void call(int others, const std::function<void()>& given) {
        const std::unique_lock<std::mutex> own_turn(turn, std::try_to_lock);
        if (others <= 0 || !own_turn) return given();  // or all are at work for another thread of this process
        {
            const std::lock_guard<std::mutex> lock(mutex);
            for (; size < others; size++) std::thread([this] { serve(); }).detach();
            work = &given;
            wanted = others;
        }
        begin.notify_all();
        given();
        std::unique_lock<std::mutex> lock(mutex);
        wanted = 0;
        end.wait(lock, [&] { return working == 0; });
    }

    // Those of this process; never deleted, for they wait until it ends. A process that forks leaves them behind.
    static Crew& here() {
        static Crew* crew = nullptr;
        static std::once_flag once;
        std::call_once(once, [] {
            crew = new Crew;
            pthread_atfork(nullptr, nullptr, [] { crew = new Crew; });
        });
        return *crew;
    }
};

// Do work(0), ..., work(count - 1) on some threads, this one included.
template <typename Work>
void share(int threads, int count, Work work) {
    std::atomic<int> next(0);
    Crew::here().call(std::min(threads, count) - 1, [&] {
        for (int n; (n = next++) < count;) work(n);
    });
}
