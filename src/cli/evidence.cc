#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "evidence/timeline.h"

#include <fmt/format.h>

namespace serin::cli {

namespace {

// The server's path and form are those of the server: {"items": [...]}.
Result<std::vector<EvidenceEntry>> read_entries(Api& api, const std::string& release) {
    SERIN_TRY(
        const std::string body, api.read("/serin/v1/evidence?release=" + encode_query(release)));
    SERIN_TRY(const json::Value document, json::parse(body));
    std::vector<EvidenceEntry> entries;
    const json::Array* items = json::array(json::find(document, "/items"));
    if (items == nullptr) return entries;
    for (const json::Value& item : *items) {
        EvidenceEntry entry;
        entry.sequence = json::integer(json::find(item, "/sequence")).value_or(0);
        const auto at = parse_time(json::text(json::find(item, "/at")).value_or(""));
        if (at) entry.at = *at;
        entry.release = json::text(json::find(item, "/release")).value_or("");
        entry.id = json::text(json::find(item, "/id")).value_or("");
        if (const json::Object* content = json::object(json::find(item, "/body"))) {
            entry.body = *content;
        }
        entry.previous_hash = json::text(json::find(item, "/previous_hash")).value_or("");
        entry.hash = json::text(json::find(item, "/hash")).value_or("");
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace

int run_evidence_show(Api& api, const std::string& rollout, Format format) {
    const ObjectKey key{.type = &types::rollout(), .ns = api.ns(), .name = rollout};
    const auto entries = read_entries(api, to_string(key));
    if (!entries) return report(entries.error());
    if (entries->empty()) {
        return report(
            {ErrorKind::not_found, fmt::format("no decision about {} is recorded", rollout)});
    }
    if (format == Format::json || format == Format::yaml) {
        json::Array items;
        for (const EvidenceEntry& entry : *entries) {
            items.push_back(json::Object{
                {"sequence", entry.sequence},
                {"at", json::string(format_time_precise(entry.at))},
                {"id", json::string(entry.id)},
                {"body", entry.body},
                {"previousHash", json::string(entry.previous_hash)},
                {"hash", json::string(entry.hash)}});
        }
        print_document(items, format);
        return exit_ok;
    }
    fmt::print("{}", evidence::render_timeline(*entries));
    return exit_ok;
}

}  // namespace serin::cli
