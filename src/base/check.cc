#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace serin {

void check_failed(const char* claim, const char* file, int line) {
    std::fprintf(stderr, "serin: broken invariant: %s (%s:%d)\n", claim, file, line);
    std::abort();
}

}  // namespace serin
