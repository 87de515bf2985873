#include "cli/rehearse.h"

#include "base/log.h"
#include "cli/exit_codes.h"
#include "rehearse/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <thread>

namespace serin::cli {

namespace {

using rehearse::Limits;
using rehearse::Report;
using rehearse::Settings;

template <class T>
Result<T> of(std::string_view option, Result<T> value) {
    if (value) return value;
    return std::unexpected(std::move(value).error().within(option));
}

Result<Duration> read_time(std::string_view option, const std::string& text) {
    auto time = parse_duration(text);
    if (time && *time <= Duration(0)) {
        return fail(ErrorKind::invalid, fmt::format("{}: must be above zero", option));
    }
    return of(option, std::move(time));
}

Result<Settings> read_settings(const RehearseWords& words) {
    Settings settings{
        .users = words.users,
        .pod_cost = words.pod_cost,
        .runs = words.runs,
        .seed = words.seed,
        .jobs = words.jobs};
    if (settings.jobs <= 0) {
        settings.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    }
    SERIN_TRY(settings.traffic, of("--traffic", rehearse::read_traffic(words.traffic)));
    SERIN_TRY(
        settings.stable, of("--stable", rehearse::read_behaviour(words.stable, settings.stable)));
    SERIN_TRY(
        settings.candidate,
        of("--canary", rehearse::read_behaviour(words.canary, settings.stable)));
    for (const std::string& text : words.faults) {
        SERIN_TRY(rehearse::Fault fault, of("--fault", rehearse::read_fault(text)));
        settings.faults.push_back(std::move(fault));
    }
    for (const std::string& text : words.metrics) {
        SERIN_TRY(auto metric, of("--metric", rehearse::read_metric_value(text)));
        settings.metric_values.insert(std::move(metric));
    }
    if (!words.promote_after.empty()) {
        SERIN_TRY(settings.promote_after, read_time("--promote-after", words.promote_after));
    }
    SERIN_TRY(settings.pod_start, read_time("--pod-start", words.pod_start));
    SERIN_TRY(settings.scrape, read_time("--scrape", words.scrape));
    SERIN_TRY(settings.horizon, read_time("--horizon", words.horizon));
    return settings;
}

Result<Limits> read_limits(const RehearseWords& words) {
    Limits limits;
    if (words.exposed_failures_max >= 0) limits.exposed_failures_max = words.exposed_failures_max;
    if (!words.abort_probability_min.empty()) {
        SERIN_TRY(
            limits.abort_probability_min,
            of("--min-abort-probability", rehearse::read_share(words.abort_probability_min)));
    }
    if (!words.promote_probability_min.empty()) {
        SERIN_TRY(
            limits.promote_probability_min,
            of("--min-promote-probability", rehearse::read_share(words.promote_probability_min)));
    }
    if (!words.duration_max.empty()) {
        SERIN_TRY(limits.duration_max, read_time("--max-duration", words.duration_max));
    }
    return limits;
}

Result<Report> make_report(const RehearseWords& words, const Settings& settings) {
    const rehearse::SubjectRead read = rehearse::read_subject(words.paths, words.ns, words.rollout);
    for (const Diagnostic& one : read.diagnostics) {
        fmt::print(
            stderr,
            "{}: {}\n",
            one.severity == Severity::error ? "Error" : "Warning",
            to_string(one));
    }
    if (has_errors(read.diagnostics)) {
        return fail(ErrorKind::invalid, "the manifests have errors, so nothing was rehearsed");
    }
    return rehearse::rehearse(read.subject, settings);
}

void print_report(const Report& report, const std::string& output) {
    if (output == "json") {
        fmt::print("{}\n", json::print_pretty(rehearse::to_json(report)));
    } else if (output == "html") {
        fmt::print("{}", rehearse::render_html(report));
    } else {
        fmt::print("{}", rehearse::render_text(report));
    }
}

}  // namespace

int run_rehearse(const RehearseWords& words) {
    // What faults make controllers complain about is no news here.
    log::configure(log::Level::error, log::Form::text);
    const auto settings = read_settings(words);
    if (!settings) return report(settings.error());
    const auto limits = read_limits(words);
    if (!limits) return report(limits.error());
    const auto rehearsed = make_report(words, *settings);
    if (!rehearsed) return report(rehearsed.error());
    print_report(*rehearsed, words.output);
    const auto broken = rehearse::exceeded(*rehearsed, *limits);
    for (const std::string& one : broken) fmt::print(stderr, "Limit exceeded: {}\n", one);
    return words.is_ci && !broken.empty() ? exit_limits : exit_ok;
}

}  // namespace serin::cli
