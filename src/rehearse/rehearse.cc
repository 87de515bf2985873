#include "rehearse/rehearse.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <utility>

namespace serin::rehearse {

namespace {

constexpr double z975 = 1.959963984540054;

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

// Each run depends on its index alone, so threads take whichever is next. What a run cannot do,
// those after it mostly cannot either; those before it are ended, so that the first error is always
// the same.
Result<std::vector<Course>> run_all(const Subject& subject, const Settings& settings) {
    const auto count = static_cast<std::size_t>(settings.runs);
    std::vector<Result<Course>> results(count);
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> first_failed = count;
    const auto work = [&] {
        for (std::size_t i = next++; i < first_failed; i = next++) {
            results[i] = run_once(subject, settings, static_cast<std::int64_t>(i), false);
            std::size_t known = first_failed;
            while (!results[i] && i < known && !first_failed.compare_exchange_weak(known, i)) {
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        const std::size_t jobs = std::clamp<std::size_t>(
            static_cast<std::size_t>(std::max(settings.jobs, 1)),
            1,
            std::max<std::size_t>(count, 1));
        for (std::size_t i = 1; i < jobs; ++i) threads.emplace_back(work);
        work();
    }
    std::vector<Course> courses;
    courses.reserve(count);
    for (auto& result : results) {
        if (!result) return std::unexpected(std::move(result).error());
        courses.push_back(*std::move(result));
    }
    return courses;
}

// Of the runs that ended as most did, the one whose length is in the middle.
std::int64_t typical_of(const std::vector<Course>& courses) {
    std::map<Ending, std::vector<std::pair<Duration, std::int64_t>>> by_ending;
    for (const Course& course : courses) {
        by_ending[course.ending].emplace_back(course.lasted, course.index);
    }
    auto* most = &by_ending.begin()->second;
    for (auto& [ending, runs] : by_ending) {
        if (runs.size() > most->size()) most = &runs;
    }
    std::ranges::sort(*most);
    return (*most)[(most->size() - 1) / 2].second;
}

// What is the same in many runs of a reason: not the numbers that were measured.
std::string common_part(std::string_view reason) {
    const auto revision = reason.find("aborted update to revision");
    if (revision != std::string_view::npos) {
        const auto colon = reason.find(": ", revision);
        if (colon != std::string_view::npos) reason.remove_prefix(colon + 2);
    }
    return std::string(reason.substr(0, reason.find(": \"")));
}

std::int64_t count_of(const std::vector<Course>& courses, Ending ending) {
    return std::ranges::count(courses, ending, &Course::ending);
}

std::optional<Spread> seconds_of(const std::vector<Course>& courses, Ending ending) {
    std::vector<double> values;
    for (const Course& course : courses) {
        if (course.ending == ending) values.push_back(in_seconds(course.lasted));
    }
    return spread_of(std::move(values));
}

template <class Value>
std::optional<Spread> spread_over(const std::vector<Course>& courses, Value value) {
    std::vector<double> values;
    values.reserve(courses.size());
    for (const Course& course : courses) values.push_back(value(course));
    return spread_of(std::move(values));
}

std::vector<StretchSummary> summarise(const std::vector<Course>& courses) {
    std::map<int, StretchSummary> by_step;
    for (const Course& course : courses) {
        for (const Stretch& stretch : course.stretches) {
            StretchSummary& sum = by_step[stretch.step];
            sum.step = stretch.step;
            sum.share = stretch.share;
            ++sum.reached;
            if (stretch.is_blind()) ++sum.blind;
            sum.requests += static_cast<double>(stretch.requests);
            sum.seconds += in_seconds(stretch.lasted);
            sum.values += static_cast<double>(stretch.values);
        }
    }
    std::vector<StretchSummary> all;
    for (auto& [step, sum] : by_step) {
        const auto reached = static_cast<double>(sum.reached);
        sum.requests /= reached;
        sum.seconds /= reached;
        sum.values /= reached;
        all.push_back(sum);
    }
    return all;
}

Report summarise(const Subject& subject, const Settings& settings, std::vector<Course>& courses) {
    const std::int64_t runs = std::ssize(courses);
    Report report{
        .settings = settings,
        .rollout = subject.ns() + "/" + subject.name(),
        .replicas = subject.lowered.replicas,
        .promoted = probability_of(count_of(courses, Ending::promoted), runs),
        .aborted = probability_of(count_of(courses, Ending::aborted), runs),
        .stalled = probability_of(count_of(courses, Ending::stalled), runs),
        .seconds_to_promote = seconds_of(courses, Ending::promoted),
        .seconds_to_abort = seconds_of(courses, Ending::aborted),
        .stretches = summarise(courses)};
    const auto requests = [](const Course& one) {
        return static_cast<double>(one.candidate.requests);
    };
    report.requests_exposed = spread_over(courses, requests);
    report.users_exposed = spread_over(courses, [&](const Course& one) {
        return users_met(settings.user_count(), requests(one));
    });
    report.requests_failed = spread_over(
        courses, [](const Course& one) { return static_cast<double>(one.candidate.failed); });
    report.requests_lost =
        spread_over(courses, [](const Course& one) { return static_cast<double>(one.lost); });
    for (Course& course : courses) {
        report.pods_peak = std::max(report.pods_peak, course.pods_peak);
        report.extra_pod_hours += course.extra_pod_hours / static_cast<double>(runs);
        if (course.ending != Ending::promoted) {
            ++report.reasons[fmt::format(
                "{}: {}", to_string(course.ending), common_part(course.reason))];
        }
        report.notes.merge(course.notes);
    }
    return report;
}

}  // namespace

Probability probability_of(std::int64_t count, std::int64_t of) {
    Probability result{.count = count, .of = of};
    if (of == 0) return result;
    const auto n = static_cast<double>(of);
    const double share = static_cast<double>(count) / n;
    const double square = z975 * z975;
    const double middle = (share + square / (2 * n)) / (1 + square / n);
    const double half =
        z975 / (1 + square / n) * std::sqrt(share * (1 - share) / n + square / (4 * n * n));
    result.share = share;
    result.low = count == 0 ? 0 : std::max(0.0, middle - half);
    result.high = count == of ? 1 : std::min(1.0, middle + half);
    return result;
}

std::optional<Spread> spread_of(std::vector<double> values) {
    if (values.empty()) return std::nullopt;
    std::ranges::sort(values);
    const auto at = [&](double share) {
        const double rank = std::ceil(share * static_cast<double>(values.size()));
        return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
    };
    double sum = 0;
    for (const double value : values) sum += value;
    return Spread{
        .p5 = at(0.05),
        .p50 = at(0.5),
        .p95 = at(0.95),
        .mean = sum / static_cast<double>(values.size())};
}

double users_met(double users, double requests) {
    return users <= 0 ? 0 : users * -std::expm1(-requests / users);
}

Result<Report> rehearse(const Subject& subject, const Settings& settings) {
    SERIN_CHECK(settings.runs > 0);
    SERIN_TRY(std::vector<Course> courses, run_all(subject, settings));
    Report report = summarise(subject, settings, courses);
    SERIN_TRY(report.typical, run_once(subject, settings, typical_of(courses), true));
    return report;
}

std::vector<std::string> exceeded(const Report& report, const Limits& limits) {
    std::vector<std::string> broken;
    if (limits.exposed_failures_max && report.requests_failed &&
        report.requests_failed->p95 > *limits.exposed_failures_max) {
        broken.push_back(fmt::format(
            "the new version fails {:.0f} requests (95th percentile), more than {:.0f}",
            report.requests_failed->p95,
            *limits.exposed_failures_max));
    }
    if (limits.abort_probability_min && report.aborted.share < *limits.abort_probability_min) {
        broken.push_back(fmt::format(
            "the probability of an abort is {:.4g}, less than {:.4g}",
            report.aborted.share,
            *limits.abort_probability_min));
    }
    if (limits.promote_probability_min && report.promoted.share < *limits.promote_probability_min) {
        broken.push_back(fmt::format(
            "the probability of a promotion is {:.4g}, less than {:.4g}",
            report.promoted.share,
            *limits.promote_probability_min));
    }
    if (limits.duration_max) {
        const double most = in_seconds(*limits.duration_max);
        const auto& promote = report.seconds_to_promote;
        if (report.stalled.share > 0.05) {
            broken.push_back(fmt::format(
                "{:.4g} of all releases stall, which lasts longer than {}",
                report.stalled.share,
                format_duration(*limits.duration_max)));
        } else if (promote && promote->p95 > most) {
            broken.push_back(fmt::format(
                "a promotion takes {} (95th percentile), longer than {}",
                format_duration(Duration(static_cast<std::int64_t>(promote->p95 * 1000))),
                format_duration(*limits.duration_max)));
        }
    }
    return broken;
}

}  // namespace serin::rehearse
