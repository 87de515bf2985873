#pragma once

#include "store/memory.h"

#include "ground.h"

namespace serin::control {

// One store in memory for both sides.
class MemoryGround : public Ground {
public:
    explicit MemoryGround(Instant start) : Ground(start, "default"), store(loop) {}

    ObjectStore& controllers() override { return store; }
    ObjectStore& others() override { return store; }
    void settle() override { loop.run_until_idle(); }
    void advance(Duration by) override { loop.advance(by); }
    void restart() override {}
    void set_faults(OnWrite on_write) override {
        store.set_faults({.on_write = std::move(on_write)});
    }
    int stride() const override { return 1; }
    std::int64_t writes() const override { return store.version(); }

private:
    store::MemoryStore store;
};

}  // namespace serin::control
