#pragma once

#include "store/memory.h"

#include "ground.h"

namespace serin::control {

// One store in memory for both sides, which fails on demand.
class MemoryGround : public Ground {
public:
    explicit MemoryGround(Instant start) : Ground(start, "default"), store(loop) {}

    ObjectStore& controllers() override { return store; }
    ObjectStore& others() override { return store; }
    void settle() override { loop.run_until_idle(); }
    void advance(Duration by) override { loop.advance(by); }
    void restart() override {}
    std::int64_t writes() const override { return store.version(); }

    store::MemoryStore store;
};

}  // namespace serin::control
