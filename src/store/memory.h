#pragma once

#include "ports/evidence_log.h"
#include "store/local_store.h"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace serin::store {

// A write that fails on purpose. A failure that took effect is the hard case: the answer got lost.
struct WriteFault {
    Error error;
    bool took_effect = false;
};

// What goes wrong in a memory store; empty functions let everything pass.
struct Faults {
    // Asked before each create, update, patch and remove.
    std::function<std::optional<WriteFault>(const ObjectKey&)> on_write;
    // Asked for each event and watcher; see store/watches.h.
    std::function<Delivery(const StoreEvent&)> on_event;
};

// The object store of simulations and tests: in memory and deterministic, failing on demand.
// Objects are those of the seed and the calls alone.
class MemoryStore : public LocalStore {
public:
    explicit MemoryStore(EventLoop& loop, std::string seed = "memory", size_t history_max = 10'000);

    Result<Object> create(Object object) override;
    Result<Object> update(Object object, Part part = Part::main) override;
    Result<Object> patch(
        const ObjectKey& key,
        PatchKind kind,
        const json::Value& patch,
        Part part = Part::main) override;
    Result<Object> remove(const ObjectKey& key, const RemoveOptions& options = {}) override;

    void set_faults(Faults faults);
    // Forgets all changes so far and ends all watches with `gone`: everyone has to list again.
    void forget_history();
    // Ends all watches with `error`, as a lost connection does.
    void end_watches(const Error& error) { watches().end_all(error); }

private:
    class MemoryTable : public Table {
    public:
        explicit MemoryTable(size_t history_max) : history_max_(history_max) {}
        Result<> commit(const std::vector<Change>& changes) override;
        Result<Object> load(std::int64_t id) const override;
        Result<std::vector<PastChange>> history(
            const ResourceType& type, std::int64_t version) const override;
        std::int64_t horizon() const override { return horizon_; }
        void forget(std::int64_t version);

    private:
        struct Past {
            std::int64_t version = 0;
            const ResourceType* type = nullptr;
            EventKind kind = EventKind::added;
            Object before;
            Object after;
        };
        std::map<std::int64_t, Object> objects_;
        std::deque<Past> history_;
        size_t history_max_;
        std::int64_t horizon_ = 0;
    };

    template <class Write>
    Result<Object> with_faults(const ObjectKey& key, Write write);

    MemoryTable table_;
    Faults faults_;
};

// The evidence log of simulations and tests, failing on demand.
class MemoryEvidenceLog : public EvidenceLog {
public:
    // Asked before each append; empty: all go well.
    using OnAppend = std::function<std::optional<WriteFault>(const std::string& release)>;
    void set_faults(OnAppend on_append) { on_append_ = std::move(on_append); }

    Result<EvidenceEntry> append(
        Instant at, std::string release, std::string id, json::Object body) override;
    Result<std::vector<EvidenceEntry>> read(
        const std::string& release, std::int64_t after = 0) const override;
    const std::vector<EvidenceEntry>& entries() const { return entries_; }

private:
    EvidenceEntry chain(Instant at, std::string release, std::string id, json::Object body);

    OnAppend on_append_;
    std::vector<EvidenceEntry> entries_;
    std::map<std::pair<std::string, std::string>, size_t> places_;  // Release and id.
};

}  // namespace serin::store
