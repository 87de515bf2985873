#include "gateway/split.h"

#include <algorithm>
#include <charconv>

namespace serin::gateway {
namespace {

bool has_endpoints(const Target& target, const std::map<std::string, Backend>& backends) {
    const auto backend = backends.find(target.backend);
    return backend != backends.end() && !backend->second.endpoints.empty();
}

bool parse_number(std::string_view text, std::int64_t& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::vector<Target> servable_targets(
    const std::vector<Target>& targets, const std::map<std::string, Backend>& backends) {
    const bool any_can_serve = std::ranges::any_of(targets, [&](const Target& target) {
        return target.weight > 0 && has_endpoints(target, backends);
    });
    std::vector<Target> servable = targets;
    if (!any_can_serve) return servable;
    for (Target& target : servable) {
        if (!has_endpoints(target, backends)) target.weight = 0;
    }
    return servable;
}

Ranges ranges_of(const std::vector<Target>& targets) {
    std::int64_t total = 0;
    for (const Target& target : targets) total += target.weight;
    if (total == 0) return {{0, split_parts - 1, std::string(no_backend)}};

    Ranges ranges;
    std::int64_t sum = 0;
    std::int64_t first = 0;
    for (const Target& target : targets) {
        sum += target.weight;
        const std::int64_t end = sum * split_parts / total;
        if (end == first) continue;
        const std::string backend =
            target.backend.empty() ? std::string(no_backend) : target.backend;
        if (!ranges.empty() && ranges.back().backend == backend) {
            ranges.back().last = end - 1;
        } else {
            ranges.push_back({first, end - 1, backend});
        }
        first = end;
    }
    return ranges;
}

std::string print_ranges(const Ranges& ranges) {
    std::string text;
    for (const Range& range : ranges) {
        text += std::to_string(range.first) + ":" + std::to_string(range.last) + " " +
                range.backend + "\n";
    }
    return text;
}

Ranges parse_ranges(std::string_view shown) {
    Ranges ranges;
    while (!shown.empty()) {
        const std::size_t end = std::min(shown.find('\n'), shown.size());
        const std::string_view line = shown.substr(0, end);
        shown.remove_prefix(std::min(end + 1, shown.size()));

        const std::size_t key = line.find(' ') + 1;
        const std::size_t colon = line.find(':', key);
        const std::size_t value = line.find(' ', key) + 1;
        if (key == 0 || value == 0 || colon == std::string_view::npos || colon > value) continue;
        Range range;
        if (!parse_number(line.substr(key, colon - key), range.first)) continue;
        if (!parse_number(line.substr(colon + 1, value - colon - 2), range.last)) continue;
        range.backend = line.substr(value);
        ranges.push_back(std::move(range));
    }
    return ranges;
}

}  // namespace serin::gateway
