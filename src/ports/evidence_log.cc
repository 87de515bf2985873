#include "ports/evidence_log.h"

#include "base/digest.h"

#include <fmt/format.h>

namespace serin {

std::string evidence_hash(const EvidenceEntry& entry) {
    return sha256_hex(json::print_canonical(json::Object{
        {"at", format_time_precise(entry.at)},
        {"body", entry.body},
        {"id", entry.id},
        {"previous_hash", entry.previous_hash},
        {"release", entry.release},
        {"sequence", entry.sequence}}));
}

Result<> verify_chain(const std::vector<EvidenceEntry>& entries) {
    const EvidenceEntry* previous = nullptr;
    for (const EvidenceEntry& entry : entries) {
        const auto broken = [&](std::string_view why) {
            return fail(
                ErrorKind::internal,
                fmt::format("evidence is broken at entry {}: {}", entry.sequence, why));
        };
        if (entry.sequence == 1 && !entry.previous_hash.empty()) {
            return broken("the first entry names a former one");
        }
        if (previous != nullptr && entry.sequence != previous->sequence + 1) {
            return broken("entries before it are missing");
        }
        if (previous != nullptr && entry.previous_hash != previous->hash) {
            return broken("it does not continue the entry before it");
        }
        if (entry.hash != evidence_hash(entry)) return broken("its content was changed");
        previous = &entry;
    }
    return {};
}

}  // namespace serin
