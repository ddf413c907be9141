// Threads for one call: tasks are taken in order from a counter by as many threads as asked for.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace particlegrid {

// Run make_worker()(task) for every task; each thread makes a worker of its own, which may hold scratch memory. Tasks
// must write disjoint memory. A thread a call costs 14 us; a pool would hang in a forked child. The first exception of
// a worker is thrown again here.
template <class MakeWorker>
void run_tasks(std::int64_t tasks, int threads, const MakeWorker& make_worker) {
    std::atomic<std::int64_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    auto work = [&] {
        try {
            auto worker = make_worker();
            for (std::int64_t task; (task = next.fetch_add(1)) < tasks;) worker(task);
        } catch (...) {
            const std::lock_guard<std::mutex> guard(failure_lock);
            if (!failure) failure = std::current_exception();
        }
    };
    if (tasks < threads) threads = static_cast<int>(tasks);
    {
        std::vector<std::jthread> helpers;
        helpers.reserve(threads > 1 ? static_cast<std::size_t>(threads - 1) : 0);
        for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace particlegrid
