#include "metrics/budget_source.h"

#include "base/digest.h"
#include "judge/sequential/spec.h"
#include "metrics/user_count.h"
#include "metrics/where_worse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <initializer_list>
#include <utility>

namespace serin::metrics {

namespace {

struct Limits {
    std::optional<std::uint64_t> requests;
    std::optional<std::uint64_t> failed;
    std::optional<std::uint64_t> users;
    friend bool operator==(const Limits&, const Limits&) = default;
};

struct Budget {
    Limits release;
    std::optional<Duration> duration;
    Limits in_window;
    Duration window{0};
};

struct Spent {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
    // Requests of whom nothing is known: each may be another user, so each counts as one.
    std::uint64_t unknown = 0;
};

// A window moves on in steps of this part of it.
constexpr int window_steps = 60;

std::unexpected<Error> refuse(
    const std::string& path, std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}{}: {}", path, field, why));
}

// Counts may be text, as arguments are.
Result<std::optional<std::uint64_t>> read_count(
    const json::Object& config, const std::string& path, std::string_view field) {
    const json::Value* value = config.if_contains(field);
    if (value == nullptr || value->is_null()) return std::nullopt;
    std::int64_t number = json::integer(value).value_or(0);
    if (const auto text = json::text(value)) {
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, number);
        if (problem != std::errc() || stopped != end) number = 0;
    }
    if (number <= 0) return refuse(path, field, "must be a whole number of at least 1");
    return static_cast<std::uint64_t>(number);
}

Result<std::optional<Duration>> read_duration(
    const json::Object& config, const std::string& path, std::string_view field) {
    const json::Value* value = config.if_contains(field);
    if (value == nullptr || value->is_null()) return std::nullopt;
    const auto text = json::text(value);
    const auto duration = text ? parse_duration(*text) : fail(ErrorKind::invalid, "");
    if (!duration || *duration <= Duration(0))
        return refuse(path, field, "expected a duration such as \"30m\"");
    return *duration;
}

Result<> reject_others(
    const json::Object& config,
    const std::string& path,
    std::initializer_list<std::string_view> known) {
    for (const auto& member : config) {
        const std::string_view key(member.key().data(), member.key().size());
        if (std::ranges::find(known, key) != known.end()) continue;
        return refuse(
            path, key, fmt::format("unknown field (known are {})", fmt::join(known, ", ")));
    }
    return {};
}

Result<Limits> read_limits(const json::Object& config, const std::string& path) {
    Limits limits;
    SERIN_TRY(limits.requests, read_count(config, path, "requests"));
    SERIN_TRY(limits.failed, read_count(config, path, "failedRequests"));
    SERIN_TRY(limits.users, read_count(config, path, "users"));
    return limits;
}

Result<Budget> read_budget(const json::Object& config) {
    Budget budget;
    SERIN_TRY_DO(reject_others(
        config, "", {"requests", "failedRequests", "users", "duration", "perWindow"}));
    SERIN_TRY(budget.release, read_limits(config, ""));
    SERIN_TRY(budget.duration, read_duration(config, "", "duration"));
    if (const json::Value* value = config.if_contains("perWindow")) {
        const json::Object* window = json::object(value);
        if (window == nullptr) return refuse("", "perWindow", "expected an object");
        const std::string path = "perWindow.";
        SERIN_TRY_DO(
            reject_others(*window, path, {"window", "requests", "failedRequests", "users"}));
        SERIN_TRY(budget.in_window, read_limits(*window, path));
        SERIN_TRY(const auto length, read_duration(*window, path, "window"));
        if (!length) return refuse(path, "window", "missing: a duration such as \"1m\"");
        budget.window = *length;
        if (budget.in_window == Limits{})
            return refuse("", "perWindow", "give requests, failedRequests or users");
    }
    if (budget.release == Limits{} && budget.in_window == Limits{} && !budget.duration)
        return fail(
            ErrorKind::invalid,
            "give requests, failedRequests, users, duration or perWindow: all are missing");
    return budget;
}

class BudgetExaminer : public Examiner {
public:
    BudgetExaminer(const Budget& budget, std::shared_ptr<statistics::FactorCache> cache)
        : budget_(budget),
          where_(judge::sequential::read_spec(nullptr).spec, std::move(cache)),
          users_(budget.release.users.value_or(1)),
          users_in_window_(budget.in_window.users.value_or(1)) {}

    bool take(Side side, const RequestOutcome& outcome) override {
        // A user whose client left was put at risk as well.
        if (exhausted_) return false;
        const bool is_failed = outcome.is_lost || outcome.status >= 500;
        if (counts_failures()) where_.take(side, outcome, {is_failed});
        if (side != Side::candidate) return false;
        if (!first_) first_ = outcome.at;
        ++spent_.requests;
        spent_.failed += is_failed ? 1 : 0;
        spent_.unknown += outcome.user == 0 ? 1 : 0;
        if (budget_.release.users && outcome.user != 0) users_.add(outcome.user, 0);
        if (budget_.window > Duration(0)) count_in_window(outcome, is_failed);
        return look(outcome.at);
    }

    // Each may have been a user of the canary whose request failed.
    bool miss(Instant at, std::uint64_t outcomes) override {
        if (exhausted_ || outcomes == 0) return false;
        first_ = first_.value_or(at);
        unseen_ += outcomes;
        add(spent_, outcomes);
        if (budget_.window > Duration(0)) add(window_bucket(at), outcomes);
        return look(at);
    }

    bool pass_time(Instant now) override {
        if (exhausted_) return false;
        if (counts_failures()) where_.pass_time(now);
        return look(now);
    }
    void begin_stage(Instant /*now*/) override { where_.begin_stage(); }

    Finding finding() const override {
        Finding finding{
            .standing = exhausted_ ? Finding::Standing::bad : Finding::Standing::good,
            .value = exhausted_ ? "exhausted" : "left",
            .summary = exhausted_ ? "the release's budget is exhausted: " + why_ : describe(),
            .facts = {
                {"budget", describe()},
                {"canaryRequests", std::to_string(spent_.requests)},
                {"canaryFailed", std::to_string(spent_.failed)}}};
        if (budget_.release.users) {
            finding.facts["canaryUsers"] =
                (users_.is_exact() ? "" : "about ") + std::to_string(users_of(spent_, users_));
        }
        if (spent_.unknown > 0 && (budget_.release.users || budget_.in_window.users)) {
            finding.facts["canaryUsersUnknown"] = std::to_string(spent_.unknown);
            finding.summary += fmt::format(
                "; of {} requests the user is not known (serin.dev/observe-user of the HTTPRoute), "
                "so each counts as a user",
                spent_.unknown);
        }
        if (unseen_ > 0) {
            finding.facts["requestsUnseen"] = std::to_string(unseen_);
            finding.summary += fmt::format(
                "; {} requests were not seen and count as failed ones of the canary", unseen_);
        }
        if (exhausted_ && counts_failures()) where_.explain(finding);
        return finding;
    }

    std::optional<Instant> bad_since() const override { return exhausted_; }

    json::Object memory() const override {
        json::Array buckets;
        for (const auto& [number, spent] : buckets_)
            buckets.push_back(json::Array{number, spent.requests, spent.failed, spent.unknown});
        json::Object memory{
            {"requests", spent_.requests}, {"failed", spent_.failed}, {"buckets", buckets}};
        if (spent_.unknown > 0) memory["unknown"] = spent_.unknown;
        if (unseen_ > 0) memory["unseen"] = unseen_;
        if (budget_.release.users) memory["users"] = users_.memory();
        if (budget_.in_window.users) memory["usersInWindow"] = users_in_window_.memory();
        if (first_) memory["first"] = first_->time_since_epoch().count();
        if (last_) memory["last"] = last_->time_since_epoch().count();
        if (exhausted_) {
            memory["exhausted"] = exhausted_->time_since_epoch().count();
            memory["why"] = json::string(why_);
        }
        return memory;
    }

    Result<> recall(const json::Object& memory) override {
        const auto count = [&](std::string_view field) {
            return json::integer(memory.if_contains(field));
        };
        const auto requests = count("requests");
        const auto failed = count("failed");
        const json::Array* buckets = json::array(memory.if_contains("buckets"));
        if (!requests || !failed || *failed < 0 || *requests < *failed || buckets == nullptr)
            return fail(ErrorKind::invalid, "not the memory of a budget");
        SERIN_TRY_DO(recall_users(memory, "users", users_));
        SERIN_TRY_DO(recall_users(memory, "usersInWindow", users_in_window_));
        spent_ = {
            static_cast<std::uint64_t>(*requests),
            static_cast<std::uint64_t>(*failed),
            static_cast<std::uint64_t>(count("unknown").value_or(0))};
        unseen_ = static_cast<std::uint64_t>(count("unseen").value_or(0));
        buckets_.clear();
        for (const json::Value& bucket : *buckets) {
            const auto part = [&](const char* at) {
                return json::integer(json::find(bucket, at)).value_or(0);
            };
            buckets_.emplace_back(
                part("/0"),
                Spent{
                    static_cast<std::uint64_t>(part("/1")),
                    static_cast<std::uint64_t>(part("/2")),
                    static_cast<std::uint64_t>(part("/3"))});
        }
        const auto instant = [&](std::string_view field) -> std::optional<Instant> {
            const auto ms = count(field);
            return ms ? std::optional(Instant(Duration(*ms))) : std::nullopt;
        };
        first_ = instant("first");
        last_ = instant("last");
        exhausted_ = instant("exhausted");
        why_ = json::text(memory.if_contains("why")).value_or("");
        return {};
    }

    json::Object details() const override {
        return counts_failures() ? where_.memory() : json::Object{};
    }
    Result<> recall_details(const json::Object& details, bool is_same_stage) override {
        return where_.recall(details, is_same_stage);
    }

private:
    bool counts_failures() const { return budget_.release.failed || budget_.in_window.failed; }

    static std::uint64_t users_of(const Spent& spent, const UserCount& users) {
        return users.count() + spent.unknown;
    }

    static Result<> recall_users(
        const json::Object& memory, std::string_view field, UserCount& into) {
        const json::Array* users = json::array(memory.if_contains(field));
        return users == nullptr ? Result<>() : into.recall(*users);
    }

    std::int64_t bucket_of(Instant at) const {
        const auto width = std::max<std::int64_t>(budget_.window.count() / window_steps, 1);
        return at.time_since_epoch().count() / width;
    }

    static void add(Spent& spent, std::uint64_t unseen) {
        spent.requests += unseen;
        spent.failed += unseen;
        spent.unknown += unseen;
    }

    // What comes late counts as of now.
    Spent& window_bucket(Instant at) {
        const std::int64_t number = bucket_of(at);
        if (buckets_.empty() || buckets_.back().first < number)
            buckets_.emplace_back(number, Spent{});
        while (buckets_.front().first + window_steps < buckets_.back().first) buckets_.pop_front();
        return buckets_.back().second;
    }

    void count_in_window(const RequestOutcome& outcome, bool is_failed) {
        Spent& spent = window_bucket(outcome.at);
        ++spent.requests;
        spent.failed += is_failed ? 1 : 0;
        spent.unknown += outcome.user == 0 ? 1 : 0;
        if (budget_.in_window.users && outcome.user != 0) {
            users_in_window_.add(outcome.user, buckets_.back().first);
            users_in_window_.forget_before(buckets_.back().first - window_steps);
        }
    }

    Spent in_window() const {
        Spent sum;
        if (!last_) return sum;
        const std::int64_t oldest = bucket_of(*last_) - window_steps;
        for (const auto& [number, spent] : buckets_) {
            if (number < oldest) continue;
            sum.requests += spent.requests;
            sum.failed += spent.failed;
            sum.unknown += spent.unknown;
        }
        return sum;
    }

    bool look(Instant now) {
        last_ = std::max(last_.value_or(now), now);
        const auto check = [&](const Limits& limits,
                               const Spent& spent,
                               const UserCount& users,
                               const std::string& in) {
            if (limits.users && users_of(spent, users) >= *limits.users)
                why_ = fmt::format("{} users of the canary{}", users_of(spent, users), in);
            if (limits.failed && spent.failed >= *limits.failed)
                why_ = fmt::format("{} failed requests of the canary{}", spent.failed, in);
            if (limits.requests && spent.requests >= *limits.requests)
                why_ = fmt::format("{} requests to the canary{}", spent.requests, in);
        };
        check(budget_.release, spent_, users_, "");
        if (budget_.window > Duration(0)) {
            users_in_window_.forget_before(bucket_of(*last_) - window_steps);
            check(
                budget_.in_window,
                in_window(),
                users_in_window_,
                " in " + format_duration(budget_.window));
        }
        if (budget_.duration && first_ && now >= *first_ + *budget_.duration)
            why_ = fmt::format("{} with users on the canary", format_duration(*budget_.duration));
        if (why_.empty()) return false;
        why_ +=
            fmt::format(" (spent in all: {} requests, {} failed)", spent_.requests, spent_.failed);
        exhausted_ = now;
        return true;
    }

    // "left: 4880 of 5000 requests, 17 of 20 failed requests, 27m of 30m".
    std::string describe() const {
        std::string text;
        const auto add = [&](std::uint64_t limit, std::uint64_t spent, std::string_view what) {
            text += fmt::format(
                "{}{} of {} {}",
                text.empty() ? "left: " : ", ",
                limit - std::min(limit, spent),
                limit,
                what);
        };
        const auto add_limits = [&](const Limits& limits,
                                    const Spent& spent,
                                    const UserCount& users,
                                    const std::string& in) {
            if (limits.users) add(*limits.users, users_of(spent, users), "users" + in);
            if (limits.requests) add(*limits.requests, spent.requests, "requests" + in);
            if (limits.failed) add(*limits.failed, spent.failed, "failed requests" + in);
        };
        add_limits(budget_.release, spent_, users_, "");
        if (budget_.window > Duration(0)) {
            add_limits(
                budget_.in_window,
                in_window(),
                users_in_window_,
                " in " + format_duration(budget_.window));
        }
        if (budget_.duration) {
            Duration used{0};
            if (first_ && last_) used = std::min(*last_ - *first_, *budget_.duration);
            text += fmt::format(
                "{}{} of {}",
                text.empty() ? "left: " : ", ",
                format_duration(std::chrono::floor<std::chrono::seconds>(*budget_.duration - used)),
                format_duration(*budget_.duration));
        }
        return text;
    }

    Budget budget_;
    Spent spent_;
    std::uint64_t unseen_ = 0;  // Of these, what was lost on its way.
    std::deque<std::pair<std::int64_t, Spent>> buckets_;
    WhereWorse where_;
    UserCount users_;
    UserCount users_in_window_;
    std::optional<Instant> first_;  // Request to the candidate.
    std::optional<Instant> last_;   // Look.
    std::optional<Instant> exhausted_;
    std::string why_;
};

}  // namespace

BudgetSource::BudgetSource(EventLoop& loop, ReleaseRequests& requests)
    : GuardSource(loop, requests), cache_(std::make_shared<statistics::FactorCache>()) {}
BudgetSource::~BudgetSource() = default;

Result<GuardSource::Guard> BudgetSource::read(const json::Object& config) const {
    SERIN_TRY(const Budget budget, read_budget(config));
    return Guard{
        .name = "budget-" + sha256_hex(json::print_canonical(config)).substr(0, 10),
        .make = [budget, cache = cache_] {
            return std::make_unique<BudgetExaminer>(budget, cache);
        }};
}

}  // namespace serin::metrics
