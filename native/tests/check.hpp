// A check that says where it failed and lets the others run.
#pragma once

#include <cstdio>

inline int failed_checks = 0;
inline long made_checks = 0;

#define CHECK(condition, ...)                                                 \
    do {                                                                      \
        ++made_checks;                                                        \
        if (!(condition)) {                                                   \
            ++failed_checks;                                                  \
            std::fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            std::fprintf(stderr, __VA_ARGS__);                                \
            std::fprintf(stderr, "\n");                                       \
        }                                                                     \
    } while (false)

// The exit status of a test's main.
inline int report_checks() {
    std::printf("%ld checks, %d failed\n", made_checks, failed_checks);
    return failed_checks == 0 && made_checks > 0 ? 0 : 1;
}
