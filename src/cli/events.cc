#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace serin::cli {

namespace {

std::string last_seen(const Object& event) {
    for (const char* field : {"/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"}) {
        if (const auto text = event.text(field); !text.empty()) return std::string(text);
    }
    return "";
}

std::string subject(const Object& event) {
    return fmt::format(
        "{}/{}", event.text("/involvedObject/kind"), event.text("/involvedObject/name"));
}

// "shop" matches every object of that name and what belongs to it ("shop-6f7d"); "Pod/x" only that.
bool is_about(const Object& event, const std::string& name) {
    if (name.empty()) return true;
    if (name.contains('/')) return subject(event) == name;
    const auto object = event.text("/involvedObject/name");
    return object == name || object.starts_with(name + "-");
}

Result<std::vector<Object>> read_events(Api& api, const std::string& name) {
    SERIN_TRY(std::vector<Object> events, api.list(types::event()));
    std::erase_if(events, [&](const Object& event) { return !is_about(event, name); });
    std::ranges::stable_sort(events, {}, last_seen);
    return events;
}

Table table_of(const std::vector<Object>& events, Instant now) {
    Table table{.header = {"LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"}, .rows = {}};
    for (const Object& event : events) {
        const auto at = parse_time(last_seen(event));
        const auto count = event.integer("/count", 1);
        table.rows.push_back(
            {(at ? format_age(now - *at) : "?") + (count > 1 ? fmt::format(" (x{})", count) : ""),
             std::string(event.text("/type")),
             std::string(event.text("/reason")),
             subject(event),
             std::string(event.text("/message"))});
    }
    return table;
}

}  // namespace

int run_events(Api& api, const std::string& name, bool watches, Format format) {
    std::set<std::string> shown;  // uid and version of the events printed already.
    const auto show = [&]() -> Result<bool> {
        SERIN_TRY(std::vector<Object> events, read_events(api, name));
        if (format == Format::json || format == Format::yaml) {
            json::Array items;
            for (const Object& event : events) items.emplace_back(event.document());
            print_document(
                json::Object{
                    {"apiVersion", "v1"}, {"kind", "EventList"}, {"items", std::move(items)}},
                format);
            return false;
        }
        const bool is_first = shown.empty();
        std::erase_if(events, [&](const Object& event) {
            return !shown.insert(fmt::format("{}@{}", event.uid(), event.resource_version()))
                        .second;
        });
        if (events.empty()) {
            if (is_first && !watches) fmt::print("No events.\n");
            return false;
        }
        std::string text = to_text(table_of(events, api.now()));
        if (!is_first) text.erase(0, text.find('\n') + 1);
        fmt::print("{}", text);
        std::fflush(stdout);
        return false;
    };
    if (!watches) {
        const auto once = show();
        return once ? exit_ok : report(once.error());
    }
    const auto watched = api.watch({&types::event()}, std::nullopt, show);
    return watched ? exit_ok : report(watched.error());
}

}  // namespace serin::cli
