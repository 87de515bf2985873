#include "metrics/user_count.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace serin::metrics {

namespace {

constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t id_digits = 8;
constexpr int hexadecimal = 16;

// Callers' hashes may be plain numbers.
std::uint64_t scramble(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

void print_id(std::uint32_t id, std::string& into) {
    for (int shift = 28; shift >= 0; shift -= 4) into += "0123456789abcdef"[id >> shift & 0xFU];
}

}  // namespace

UserCount::UserCount(std::uint64_t limit)
    : threshold_(limit <= kept_max ? all : all / limit * kept_max) {}

bool UserCount::is_exact() const {
    return threshold_ == all;
}

void UserCount::add(std::uint64_t user, std::int64_t moment) {
    const std::uint64_t bits = scramble(user);
    if (bits > threshold_) return;
    // Who is kept is told by the high bits, so the low ones are even among them.
    const auto [known, is_new] = seen_.try_emplace(static_cast<std::uint32_t>(bits), moment);
    if (!is_new) {
        if (known->second >= moment) return;
        const auto before = at_.find(known->second);
        if (--before->second == 0) at_.erase(before);
        known->second = moment;
    }
    ++at_[moment];
}

void UserCount::forget_before(std::int64_t moment) {
    if (at_.empty() || at_.begin()->first >= moment) return;
    std::erase_if(seen_, [&](const auto& one) { return one.second < moment; });
    at_.erase(at_.begin(), at_.lower_bound(moment));
}

std::uint64_t UserCount::count() const {
    const std::uint64_t kept = seen_.size();
    if (is_exact() || kept == 0) return kept;
    constexpr double errors = 3;
    const double share = static_cast<double>(threshold_) / static_cast<double>(all);
    const auto sampled = static_cast<double>(kept);
    return static_cast<std::uint64_t>(
        std::ceil((sampled + errors * std::sqrt(sampled * (1 - share))) / share));
}

json::Array UserCount::memory() const {
    std::map<std::int64_t, std::string> ids;
    for (const auto& [id, moment] : seen_) print_id(id, ids[moment]);
    json::Array memory;
    for (const auto& [moment, text] : ids) {
        memory.push_back(json::Array{moment, json::string(text)});
    }
    return memory;
}

Result<> UserCount::recall(const json::Array& memory) {
    std::map<std::uint32_t, std::int64_t> seen;
    std::map<std::int64_t, std::uint32_t> at;
    for (const json::Value& item : memory) {
        const auto moment = json::integer(json::find(item, "/0"));
        auto ids = json::text(json::find(item, "/1"));
        if (!moment || !ids || ids->size() % id_digits != 0)
            return fail(ErrorKind::invalid, "not a memory of users");
        for (; !ids->empty(); ids->remove_prefix(id_digits)) {
            std::uint32_t id = 0;
            const char* end = ids->data() + id_digits;
            const auto [stopped, problem] = std::from_chars(ids->data(), end, id, hexadecimal);
            if (problem != std::errc() || stopped != end)
                return fail(ErrorKind::invalid, "not a memory of users");
            if (seen.try_emplace(id, *moment).second) ++at[*moment];
        }
    }
    seen_ = std::move(seen);
    at_ = std::move(at);
    return {};
}

}  // namespace serin::metrics
