#pragma once

#include "ports/object_store.h"
#include "ports/stalling_loop.h"
#include "store/memory.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace serin::control {

// What a small world stands on: objects in one namespace, as two parties see them, and a clock that
// the test moves. The same cases run on each ground: in memory (memory_ground.h), and over a real
// Kubernetes API (tests/kubernetes/cluster_ground.h). Which one an executable is linked with is
// what `make_ground` makes.
class Ground {
public:
    Ground(Instant start, std::string name_space) : loop(start), ns(std::move(name_space)) {}
    virtual ~Ground() = default;
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    // Serin's controllers work here.
    virtual ObjectStore& controllers() = 0;
    // Everybody else does here: people, kubelets, data planes. What one side writes the other
    // learns as it would from another process.
    virtual ObjectStore& others() = 0;

    // Runs what is due until nothing more happens on either side.
    virtual void settle() = 0;
    // Moves time, with all that happens meanwhile.
    virtual void advance(Duration by) = 0;
    // The controllers' store begins anew, as that of a new process. REQUIRES: nobody watches it.
    virtual void restart() = 0;
    // Asked before each write of either side; empty: all go well.
    using OnWrite = std::function<std::optional<store::WriteFault>(const ObjectKey&)>;
    virtual void set_faults(OnWrite on_write) = 0;
    // A case that tries one place after the other, in a world each, tries each so many-th: worlds
    // may be dear.
    virtual int stride() const = 0;
    // Equal at two moments: nobody wrote anything between them.
    virtual std::int64_t writes() const = 0;

    StallingLoop loop;
    const std::string ns;
};

std::unique_ptr<Ground> make_ground(Instant start);

}  // namespace serin::control
