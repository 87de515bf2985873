#include "rehearse/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

namespace serin::rehearse {

namespace {

constexpr int plot_rows = 10;
constexpr int plot_columns = 72;

std::string indented(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        out += "  " + std::string(text.substr(0, end)) + "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string line(std::string_view name, const std::string& text) {
    return fmt::format("  {:<20} {}\n", name, text);
}

std::string spread_seconds(const std::optional<Spread>& spread) {
    if (!spread) return "-";
    return fmt::format(
        "{} (5 %), {} (median), {} (95 %)",
        seconds_text(spread->p5),
        seconds_text(spread->p50),
        seconds_text(spread->p95));
}

std::string spread_count(const std::optional<Spread>& spread) {
    if (!spread) return "-";
    return fmt::format(
        "{:.0f} (5 %), {:.0f} (median), {:.0f} (95 %)", spread->p5, spread->p50, spread->p95);
}

// The share in force at an instant: of the last sample before it.
double share_at(const Course& course, Duration at) {
    const auto after = std::ranges::upper_bound(course.samples, at, {}, &Sample::at);
    return after == course.samples.begin() ? 0 : std::prev(after)->share;
}

// Weights over time as a bar for each column; below, a mark where something was decided.
std::string plot(const Course& course) {
    const auto total = std::max<std::int64_t>(course.lasted.count(), 1);
    std::vector<double> shares;
    for (int column = 0; column < plot_columns; ++column) {
        shares.push_back(share_at(course, Duration(total * (column + 1) / plot_columns)));
    }
    std::string marks(plot_columns, ' ');
    for (const Moment& moment : course.moments) {
        const std::int64_t column = moment.at.count() * plot_columns / total;
        marks[static_cast<std::size_t>(std::clamp<std::int64_t>(column, 0, plot_columns - 1))] =
            '^';
    }
    std::string text;
    for (int row = plot_rows; row > 0; --row) {
        const double least = (row - 0.5) / plot_rows;
        std::string bars;
        for (const double share : shares) {
            const bool is_lowest = row == 1 && share > 0;
            bars += share >= least || is_lowest ? '#' : ' ';
        }
        while (bars.ends_with(' ')) bars.pop_back();
        text += fmt::format("  {:>4} |{}\n", fmt::format("{}%", row * 100 / plot_rows), bars);
    }
    text += fmt::format("       +{}\n", std::string(plot_columns, '-'));
    while (marks.ends_with(' ')) marks.pop_back();
    text += fmt::format("        {}\n", marks);
    const std::string end = seconds_text(std::chrono::duration<double>(course.lasted).count());
    text += fmt::format("        0s{:>{}}\n", end, plot_columns - 2);
    return text;
}

std::string moments(const Course& course) {
    std::string text;
    for (const Moment& moment : course.moments) {
        text += fmt::format(
            "  {:>8}  {:>5}  {}\n",
            seconds_text(std::chrono::duration<double>(moment.at).count()),
            percent_text(moment.share),
            moment.words);
    }
    return text;
}

std::string stretches(const Report& report) {
    std::string text;
    for (const StretchSummary& one : report.stretches) {
        std::string blind = "judged";
        if (one.blind == one.reached) {
            blind = "BLIND: nothing judged it";
        } else if (one.blind > 0) {
            blind = fmt::format(
                "blind in {} of these runs",
                percent_text(static_cast<double>(one.blind) / static_cast<double>(one.reached)));
        }
        text += fmt::format(
            "  {:>4}  {:>6}  {:>7} runs  {:>8}  {:>9.0f} requests  {:>5.1f} measurements  {}\n",
            one.step + 1,
            percent_text(one.share),
            one.reached,
            seconds_text(one.seconds),
            one.requests,
            one.values,
            blind);
    }
    return text;
}

}  // namespace

std::string render_text(const Report& report) {
    const Settings& settings = report.settings;
    std::string text = fmt::format(
        "Rehearsal of {}: {} releases, seed {}\n\nAssumed\n",
        report.rollout,
        settings.runs,
        settings.seed);
    text += indented(assumptions_text(settings));
    text += "\nEnds\n";
    text += line("promoted", probability_text(report.promoted));
    text += line("aborted", probability_text(report.aborted));
    text += line("stalled", probability_text(report.stalled));
    for (const auto& [reason, count] : report.reasons) {
        text += fmt::format("    {:>6} x {}\n", count, reason);
    }
    text += "\nCosts\n";
    text += line("time to promote", spread_seconds(report.seconds_to_promote));
    text += line("time to abort", spread_seconds(report.seconds_to_abort));
    text += line("requests exposed", spread_count(report.requests_exposed));
    text += line("users exposed", spread_count(report.users_exposed));
    text += line("requests failed", spread_count(report.requests_failed));
    if (report.requests_lost && report.requests_lost->mean > 0) {
        text += line("requests lost", spread_count(report.requests_lost));
    }
    text += line("pods", cost_text(report));
    text += "\nSteps that expose (step, weight, on average)\n" + stretches(report);
    if (!report.notes.empty()) text += "\nMetrics\n";
    for (const auto& [name, note] : report.notes) {
        text += fmt::format("  {} ({}): {}\n", name, note.provider, note.words);
    }
    text += fmt::format(
        "\nA typical release (run {}): {}, {}\n",
        report.typical.index,
        to_string(report.typical.ending),
        report.typical.reason);
    text += plot(report.typical) + "\n" + moments(report.typical);
    return text;
}

}  // namespace serin::rehearse
