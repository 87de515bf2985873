#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

#include <string>
#include <vector>

namespace serin {

// One decision, as appended. The chain is per store: each entry's hash covers the one before it, so
// nothing can be changed or left out unnoticed.
struct EvidenceEntry {
    std::int64_t sequence = 0;  // From 1, without gaps.
    Instant at;
    std::string release;  // "rollouts.argoproj.io default/shop".
    std::string id;       // Derives from the content: appending it again is a no-op.
    json::Object body;    // State before and after, rule, numbers, actions; see evidence/record.h.
    std::string previous_hash;
    std::string hash;  // evidence_hash() of all fields above.
};

// SHA-256 of the canonical JSON {"at", "body", "id", "previous_hash", "release", "sequence"}, with
// `at` as format_time_precise writes it. The first entry's previous_hash is empty.
std::string evidence_hash(const EvidenceEntry& entry);

// Whether the entries are an unbroken part of one chain; `internal` with the first sequence number
// at which they are not.
Result<> verify_chain(const std::vector<EvidenceEntry>& entries);

// Append-only and durable when `append` returns.
class EvidenceLog {
public:
    virtual ~EvidenceLog() = default;

    // Returns the entry as chained; an entry with the same release and id is returned as it was.
    virtual Result<EvidenceEntry> append(
        Instant at, std::string release, std::string id, json::Object body) = 0;
    // Empty `release`: all. In order of sequence, those after `after`.
    virtual Result<std::vector<EvidenceEntry>> read(
        const std::string& release, std::int64_t after = 0) const = 0;
};

}  // namespace serin
