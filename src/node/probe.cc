#include "node/probe.h"

#include <algorithm>
#include <utility>

namespace serin::node {

ProbeSpec read_probe(const json::Object& written) {
    const auto number = [&](std::string_view member, std::int64_t otherwise) {
        return json::integer(written.if_contains(member)).value_or(otherwise);
    };
    const auto seconds = [&](std::string_view member, std::int64_t otherwise) {
        return Duration(std::chrono::seconds(number(member, otherwise)));
    };
    // Kubernetes writes 0 where nothing was said: the default is meant.
    const auto at_least_one = [](Duration written_duration, Duration otherwise) {
        return written_duration > Duration{0} ? written_duration : otherwise;
    };
    return {
        .handler = written,
        .initial_delay = std::max(seconds("initialDelaySeconds", 0), Duration{0}),
        .period = at_least_one(seconds("periodSeconds", 10), Duration{10'000}),
        .timeout = at_least_one(seconds("timeoutSeconds", 1), Duration{1'000}),
        .successes_needed = std::max<int>(static_cast<int>(number("successThreshold", 1)), 1),
        .failures_needed = number("failureThreshold", 3) < 1
                               ? 3
                               : static_cast<int>(number("failureThreshold", 3))};
}

Probe::Probe(ProbeSpec spec, const CheckTarget& target, Instant started, Listener listener)
    : spec_(std::move(spec)), target_(target), started_(started), listener_(std::move(listener)) {
    const Duration waited = target_.loop.now() - started;
    ask_after(std::max(spec_.initial_delay - waited, Duration{0}));
}

void Probe::ask_after(Duration delay) {
    timer_ = target_.loop.after(delay, [this] { ask(); });
}

void Probe::ask() {
    check_ = start_check(
        target_, spec_.handler, spec_.timeout, [this](const Result<>& answer) { take(answer); });
}

Duration Probe::pause() const {
    constexpr Duration first{50};
    constexpr int doublings_max = 8;
    if (!spec_.is_eager || has_passed_) return spec_.period;
    return std::min(first * (1 << std::min(failures_, doublings_max)), spec_.period);
}

bool Probe::is_news() const {
    const bool is_starting = target_.loop.now() - started_ < spec_.initial_delay + spec_.period;
    return !has_told_failure_ && (has_passed_ || !spec_.is_eager || !is_starting);
}

void Probe::take(const Result<>& answer) {
    const bool is_passing = answer.has_value();
    const std::string message = is_passing ? "" : answer.error().message;
    if (is_passing) {
        ++successes_;
        failures_ = 0;
        has_passed_ = true;
        has_told_failure_ = false;
    } else {
        successes_ = 0;
        ++failures_;
    }
    ask_after(pause());
    if (!is_passing && is_news()) {
        has_told_failure_ = true;
        listener_.on_first_failure(message);
    }
    const bool is_enough =
        is_passing ? successes_ >= spec_.successes_needed : failures_ >= spec_.failures_needed;
    if (!is_enough || (is_settled_ && is_passing == is_passing_)) return;
    is_settled_ = true;
    is_passing_ = is_passing;
    listener_.on_settled(is_passing, message);
}

}  // namespace serin::node
