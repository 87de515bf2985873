#include "rehearse/report_text.h"

#include <fmt/format.h>

#include <cmath>

namespace serin::rehearse {

namespace {

std::string behaviour_text(const Behaviour& behaviour) {
    return fmt::format(
        "{} errors, p50 {:g} ms, p95 {:g} ms",
        percent_text(behaviour.error_share),
        std::round(behaviour.p50_ms * 10) / 10,
        behaviour.p95_ms);
}

}  // namespace

std::string percent_text(double share) {
    const double percent = share * 100;
    const int digits = percent != 0 && percent != 100 && (percent < 1 || percent > 99) ? 2 : 1;
    std::string text = fmt::format("{:.{}f}", percent, digits);
    if (text.contains('.')) {
        while (text.ends_with('0')) text.pop_back();
        if (text.ends_with('.')) text.pop_back();
    }
    return text + " %";
}

std::string seconds_text(double seconds) {
    if (seconds >= 10) seconds = std::round(seconds);
    return format_duration(Duration(std::llround(seconds * 10) * 100));
}

std::string probability_text(const Probability& value) {
    return fmt::format(
        "{:>7} ({} to {})",
        percent_text(value.share),
        percent_text(value.low),
        percent_text(value.high));
}

std::string assumptions_text(const Settings& settings) {
    std::string text = fmt::format(
        "{:g} requests a second of {:.0f} users\n"
        "old version: {}\n"
        "new version: {}\n",
        settings.traffic,
        settings.user_count(),
        behaviour_text(settings.stable),
        behaviour_text(settings.candidate));
    for (const Fault& fault : settings.faults) text += "fault: " + fault.text + "\n";
    if (settings.promote_after) {
        text += fmt::format(
            "a person promotes {} after the release waits for one\n",
            format_duration(*settings.promote_after));
    }
    return text;
}

std::string cost_text(const Report& report) {
    std::string text = fmt::format(
        "{} at the peak for {} wanted, {:.3g} extra pod hours a release",
        report.pods_peak,
        report.replicas,
        report.extra_pod_hours);
    if (report.settings.pod_cost > 0) {
        text += fmt::format(", cost {:.4g}", report.extra_pod_hours * report.settings.pod_cost);
    }
    return text;
}

}  // namespace serin::rehearse
