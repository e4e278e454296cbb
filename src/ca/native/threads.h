#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

// Do work(0), ..., work(count - 1) on some threads, this one included.
template <typename Work>
void share(int threads, int count, Work work) {
    std::atomic<int> next(0);
    const auto take = [&] {
        for (int n; (n = next++) < count;) work(n);
    };
    std::vector<std::thread> others;
    for (int n = 1; n < std::min(threads, count); n++) others.emplace_back(take);
    take();
    for (std::thread& other : others) other.join();
}
