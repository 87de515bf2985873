#include "gateway/runtime_answers.h"

#include <algorithm>
#include <charconv>

namespace serin::gateway {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::vector<std::string> parse_backends(std::string_view answer) {
    std::vector<std::string> names;
    for (const std::string_view line : split(answer, '\n')) {
        if (line.empty() || line.starts_with('#')) continue;
        names.emplace_back(line);
    }
    return names;
}

std::map<std::string, SeenServers> parse_servers_state(std::string_view answer) {
    constexpr unsigned maintenance_bits = 0x01;
    constexpr unsigned drain_bit = 0x08;
    std::map<std::string, SeenServers> backends;
    for (const std::string_view line : split(answer, '\n')) {
        const auto fields = split(line, ' ');
        if (fields.size() < 19 || line.starts_with('#')) continue;
        const auto id = number<int>(fields[2]);
        const auto admin = number<unsigned>(fields[6]);
        const auto port = number<int>(fields[18]);
        if (!id || !admin || !port) continue;
        backends[std::string(fields[1])][std::string(fields[3])] = {
            .address = std::string(fields[4]),
            .port = *port,
            .id = *id,
            .is_draining = (*admin & (drain_bit | maintenance_bits)) != 0,
            .is_in_maintenance = (*admin & maintenance_bits) != 0};
    }
    return backends;
}

std::map<std::string, std::int64_t> parse_in_flight(std::string_view answer) {
    std::map<std::string, std::int64_t> in_flight;
    for (const std::string_view line : split(answer, '\n')) {
        const auto fields = split(line, ',');
        if (fields.size() < 5 || line.starts_with('#')) continue;
        const auto queued = number<std::int64_t>(fields[2]);
        const auto current = number<std::int64_t>(fields[4]);
        if (!queued || !current) continue;
        in_flight[std::string(fields[1])] = *queued + *current;
    }
    return in_flight;
}

std::string_view info_value(std::string_view answer, std::string_view name) {
    for (const std::string_view line : split(answer, '\n')) {
        if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) {
            return line.substr(name.size() + 2);
        }
    }
    return {};
}

std::vector<std::string> parse_map_paths(std::string_view answer) {
    std::vector<std::string> paths;
    for (const std::string_view line : split(answer, '\n')) {
        const std::size_t open = line.find('(');
        const std::size_t close = line.find(')', open);
        if (line.starts_with('#') || open == std::string_view::npos ||
            close == std::string_view::npos) {
            continue;
        }
        paths.emplace_back(line.substr(open + 1, close - open - 1));
    }
    return paths;
}

std::optional<std::int64_t> parse_version(std::string_view answer) {
    const std::size_t colon = answer.rfind(": ");
    if (colon == std::string_view::npos) return std::nullopt;
    return number<std::int64_t>(answer.substr(colon + 2));
}

}  // namespace serin::gateway
