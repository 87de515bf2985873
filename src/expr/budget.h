#pragma once

#include "base/result.h"
#include "expr/value.h"

#include <cstddef>

// Bounds what one evaluation may cost, so that no condition can hang or exhaust its process.

namespace serin::expr {

class Budget {
public:
    // One unit is about one step over one value or a few bytes.
    Result<> work(std::size_t units) {
        work_ += units;
        if (work_ <= work_max && units <= work_max) return {};
        return fail(ErrorKind::invalid, "the condition takes too much work");
    }

    // Before a value of about so many bytes is made.
    Result<> memory(std::size_t bytes) {
        memory_ += bytes;
        if (memory_ <= memory_max && bytes <= memory_max) return work(bytes / 16);
        return fail(ErrorKind::invalid, "memory budget exceeded");
    }

    // For a composed value: its parts are shared, so what it would be written out may be far larger
    // than the memory it takes.
    Result<Value> keep(Value value) {
        if (value.depth() > depth_max) {
            return fail(ErrorKind::invalid, "the value is nested too deeply");
        }
        if (value.weight() > memory_max) return fail(ErrorKind::invalid, "memory budget exceeded");
        return value;
    }

private:
    static constexpr std::size_t work_max = 1'000'000;
    static constexpr std::size_t memory_max = 16U << 20U;
    static constexpr int depth_max = 200;

    std::size_t work_ = 0;
    std::size_t memory_ = 0;
};

}  // namespace serin::expr
