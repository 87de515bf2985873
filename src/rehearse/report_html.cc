#include "rehearse/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace serin::rehearse {

namespace {

constexpr double width = 900;
constexpr double height = 300;
constexpr double left = 50;
constexpr double top = 20;

constexpr std::string_view style = R"(
body { font: 15px/1.45 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em;
  color: #1c2430; background: #fff; }
table { border-collapse: collapse; margin: .5em 0 1.5em; }
td, th { text-align: left; padding: .2em 1em .2em 0; border-bottom: 1px solid #e3e6ea;
  vertical-align: top; }
th { font-weight: 600; }
pre { background: #f5f6f8; padding: .7em 1em; overflow-x: auto; }
.blind, .unknown { color: #b3261e; font-weight: 600; }
svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: #56606b; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ee; background: #14181d; } pre { background: #1d232a; }
  td, th { border-color: #333b45; } svg text { fill: #a7b0bb; } .blind, .unknown { color: #ff8a80; }
})";

std::string escape(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '<') {
            out += "&lt;";
        } else if (letter == '>') {
            out += "&gt;";
        } else if (letter == '&') {
            out += "&amp;";
        } else if (letter == '"') {
            out += "&quot;";
        } else {
            out += letter;
        }
    }
    return out;
}

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string row(std::string_view name, std::string_view value) {
    return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), escape(value));
}

std::string counts(const std::optional<Spread>& spread) {
    if (!spread) return "none";
    return fmt::format(
        "{:.0f} (5 %) / {:.0f} (median) / {:.0f} (95 %)", spread->p5, spread->p50, spread->p95);
}

std::string times(const std::optional<Spread>& spread) {
    if (!spread) return "none";
    return fmt::format(
        "{} (5 %) / {} (median) / {} (95 %)",
        seconds_text(spread->p5),
        seconds_text(spread->p50),
        seconds_text(spread->p95));
}

// Weights as a filled step line, error shares of both versions as lines, decisions as marks.
class Plot {
public:
    explicit Plot(const Course& course)
        : course_(course), total_(std::max(in_seconds(course.lasted), 0.001)) {
        find_errors();
    }

    std::string render() const {
        std::string svg = fmt::format(
            "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"weight and errors over "
            "time\">\n",
            left + width + 60,
            top + height + 40);
        svg += axes() + weights();
        svg += errors(true, "#b3261e") + errors(false, "#2e7d32") + decisions();
        return svg + "</svg>\n";
    }

private:
    struct Point {
        double seconds = 0;
        double candidate = 0;
        double stable = 0;
    };

    double x(double seconds) const { return left + width * seconds / total_; }
    static double y(double share) { return top + height * (1 - share); }

    // Errors are shown on the scale of the worst.
    void find_errors() {
        const Sample* before = nullptr;
        Sample none;
        // At most some hundred points, each of enough requests to mean something.
        const std::size_t group = course_.samples.size() / 150 + 1;
        for (std::size_t i = group - 1; i < course_.samples.size(); i += group) {
            const Sample& sample = course_.samples[i];
            const Sample& last = before ? *before : none;
            errors_.push_back(
                {in_seconds(sample.at),
                 share(sample.candidate, last.candidate),
                 share(sample.stable, last.stable)});
            worst_ = std::max({worst_, errors_.back().candidate, errors_.back().stable});
            before = &sample;
        }
    }
    static double share(const Served& now, const Served& before) {
        const auto requests = static_cast<double>(now.requests - before.requests);
        return requests == 0 ? 0 : static_cast<double>(now.failed - before.failed) / requests;
    }

    std::string axes() const {
        std::string svg;
        for (int i = 0; i <= 4; ++i) {
            const double share = i / 4.0;
            svg += fmt::format(
                "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" "
                "stroke=\"#cfd4da\" stroke-opacity=\".5\"/>"
                "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>"
                "<text x=\"{6:.1f}\" y=\"{4:.1f}\">{7}</text>\n",
                left,
                left + width,
                y(share),
                left - 6,
                y(share) + 4,
                percent_text(share),
                left + width + 6,
                percent_text(share * worst_));
            svg += fmt::format(
                "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                left + width * share,
                top + height + 18,
                seconds_text(total_ * share));
        }
        return svg;
    }

    std::string weights() const {
        std::string path = fmt::format("M{:.1f} {:.1f}", left, y(0));
        double share = 0;
        for (const Sample& sample : course_.samples) {
            if (sample.share == share) continue;
            path += fmt::format("H{:.1f}V{:.1f}", x(in_seconds(sample.at)), y(sample.share));
            share = sample.share;
        }
        path += fmt::format("H{:.1f}V{:.1f}Z", left + width, y(0));
        return fmt::format(
            "<path d=\"{}\" fill=\"#1f6feb\" fill-opacity=\".25\" stroke=\"#1f6feb\"/>\n", path);
    }

    std::string errors(bool of_candidate, std::string_view colour) const {
        std::string points;
        for (const Point& point : errors_) {
            const double error = of_candidate ? point.candidate : point.stable;
            points += fmt::format("{:.1f},{:.1f} ", x(point.seconds), y(error / worst_));
        }
        return fmt::format(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.2\"/>\n",
            points,
            colour);
    }

    std::string decisions() const {
        std::string svg;
        for (const Moment& moment : course_.moments) {
            svg += fmt::format(
                "<g><title>{0}: {1}</title><line x1=\"{2:.1f}\" x2=\"{2:.1f}\" y1=\"{3:.1f}\" "
                "y2=\"{4:.1f}\" stroke=\"#8a63d2\" stroke-dasharray=\"2 3\"/>"
                "<circle cx=\"{2:.1f}\" cy=\"{4:.1f}\" r=\"4\" fill=\"#8a63d2\"/></g>\n",
                escape(seconds_text(in_seconds(moment.at))),
                escape(moment.words),
                x(in_seconds(moment.at)),
                y(1),
                y(0));
        }
        return svg;
    }

    const Course& course_;
    double total_;
    double worst_ = 0.001;
    std::vector<Point> errors_;
};

std::string ends(const Report& report) {
    std::string html = "<h2>How it ends</h2>\n<table>\n";
    html += row("promoted", probability_text(report.promoted));
    html += row("aborted", probability_text(report.aborted));
    html += row("stalled", probability_text(report.stalled));
    for (const auto& [reason, count] : report.reasons) {
        html += row(fmt::format("{} runs", count), reason);
    }
    html += "</table>\n<h2>What it costs</h2>\n<table>\n";
    html += row("time to promote", times(report.seconds_to_promote));
    html += row("time to abort", times(report.seconds_to_abort));
    html += row("requests exposed", counts(report.requests_exposed));
    html += row("users exposed", counts(report.users_exposed));
    html += row("requests failed", counts(report.requests_failed));
    html += row("requests that met no pod", counts(report.requests_lost));
    html += row("pods", cost_text(report));
    return html + "</table>\n";
}

std::string steps(const Report& report) {
    std::string html =
        "<h2>Steps that expose</h2>\n<table>\n<tr><th>step</th><th>weight</th><th>runs</th>"
        "<th>time</th><th>requests</th><th>measurements</th><th></th></tr>\n";
    for (const StretchSummary& one : report.stretches) {
        const double blind = static_cast<double>(one.blind) / static_cast<double>(one.reached);
        html += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0f}</td><td>{:.1f}</td>{}"
            "</tr>\n",
            one.step + 1,
            percent_text(one.share),
            one.reached,
            seconds_text(one.seconds),
            one.requests,
            one.values,
            one.blind == 0
                ? std::string("<td>judged</td>")
                : fmt::format("<td class=\"blind\">blind in {}</td>", percent_text(blind)));
    }
    return html + "</table>\n";
}

std::string metrics(const Report& report) {
    std::string html = "<h2>Metrics</h2>\n<table>\n";
    for (const auto& [name, note] : report.notes) {
        html += fmt::format(
            "<tr><th>{}</th><td>{}</td><td{}>{}</td></tr>\n",
            escape(name),
            escape(note.provider),
            note.is_understood ? "" : " class=\"unknown\"",
            escape(note.words));
    }
    return html + "</table>\n";
}

std::string typical(const Report& report) {
    const Course& course = report.typical;
    std::string html = fmt::format(
        "<h2>A typical release</h2>\n<p>Run {}: {}, {}.</p>\n",
        course.index,
        to_string(course.ending),
        escape(course.reason));
    html += Plot(course).render();
    html +=
        "<p>Blue: the new version's share of the traffic (left). Red: its errors, green: those of "
        "the old version (right). Violet: decisions.</p>\n<table>\n";
    for (const Moment& moment : course.moments) {
        html += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            seconds_text(in_seconds(moment.at)),
            percent_text(moment.share),
            escape(moment.words));
    }
    return html + "</table>\n";
}

}  // namespace

std::string render_html(const Report& report) {
    const std::string title = fmt::format("Rehearsal of {}", escape(report.rollout));
    std::string html = fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n"
        "<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<p>{2} simulated releases, seed "
        "{3}.</p>\n<pre>{4}</pre>\n",
        title,
        style,
        report.settings.runs,
        report.settings.seed,
        escape(assumptions_text(report.settings)));
    html += ends(report) + steps(report) + metrics(report) + typical(report);
    return html + "</body>\n</html>\n";
}

}  // namespace serin::rehearse
