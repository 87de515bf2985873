#include "cli/judge_replay.h"

#include "base/document.h"
#include "cli/exit_codes.h"
#include "cli/lines.h"
#include "cli/table.h"
#include "judge/sequential/business.h"
#include "judge/sequential/judge.h"
#include "judge/sequential/verdict_json.h"
#include "judge/slices/events.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>

namespace serin::cli {

namespace {

using namespace judge::sequential;

Result<Spec> read_spec_text(const std::string& text, const std::string& file) {
    const DocumentsRead read = read_documents(text, file);
    for (const Diagnostic& diagnostic : read.diagnostics) {
        if (diagnostic.severity == Severity::error) {
            return fail(ErrorKind::invalid, to_string(diagnostic));
        }
    }
    if (read.documents.size() > 1) {
        return fail(ErrorKind::invalid, file + ": one document is expected, not several");
    }
    const Document document = read.documents.empty() ? Document{} : read.documents.front();
    SpecRead spec = read_spec(document.root);
    if (spec.problems.empty()) return std::move(spec.spec);
    std::string message;
    for (const Problem& problem : spec.problems) {
        const Mark mark = document.mark(problem.pointer);
        if (!message.empty()) message += '\n';
        message += to_string(Diagnostic{
            .severity = Severity::error,
            .file = file,
            .line = mark.line,
            .column = mark.column,
            .path = field_path(problem.pointer),
            .message = problem.message,
            .suggestion = ""});
    }
    return fail(ErrorKind::invalid, std::move(message));
}

std::uint64_t hash_unit(std::string_view text) {
    std::uint64_t hash = 0xCBF29CE484222325ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    return hash | 1U;
}

namespace slices = judge::slices;

// A recorded request. The request's texts are those of `value`.
struct Recorded {
    json::Value value;
    Outcome outcome;
    slices::Request request;
    std::vector<std::pair<std::string_view, std::string_view>> headers;
};

Result<std::string_view> read_text(const json::Value& value, std::string_view pointer) {
    const json::Value* found = json::find(value, pointer);
    if (found == nullptr || found->is_null()) return std::string_view();
    if (const auto text = json::text(found)) return *text;
    return fail(ErrorKind::invalid, fmt::format("{}: expected text", pointer.substr(1)));
}

Result<const json::Object*> read_headers(const json::Value& value, std::string_view pointer) {
    static const json::Object none;
    const json::Value* found = json::find(value, pointer);
    if (found == nullptr || found->is_null()) return &none;
    const json::Object* headers = json::object(found);
    const std::string name(pointer.substr(1));
    if (headers == nullptr) return fail(ErrorKind::invalid, name + ": expected an object");
    for (const auto& header : *headers) {
        if (!json::text(&header.value()))
            return fail(ErrorKind::invalid, name + ": values are expected to be text");
    }
    return headers;
}

// What explanations and business outcomes are made of.
Result<> read_parts(const Spec& spec, Recorded& recorded) {
    const json::Value& value = recorded.value;
    slices::Request& request = recorded.request;
    SERIN_TRY(request.path, read_text(value, "/route"));
    SERIN_TRY(request.method, read_text(value, "/method"));
    SERIN_TRY(request.pod, read_text(value, "/pod"));
    SERIN_TRY(request.id, read_text(value, "/id"));
    if (const json::Value* status = json::find(value, "/status"); status != nullptr) {
        const auto number = json::integer(status);
        if (!number || *number < 0 || *number > 999)
            return fail(ErrorKind::invalid, "status: expected a status code, or 0 for no answer");
        request.status = static_cast<int>(*number);
    } else {
        request.status = 200;  // Of no class that is told.
    }
    SERIN_TRY(const json::Object* headers, read_headers(value, "/headers"));
    for (const auto& header : *headers) {
        recorded.headers.emplace_back(
            std::string_view(header.key().data(), header.key().size()),
            json::text(&header.value()).value_or(""));
    }
    SERIN_TRY(const json::Object* answered, read_headers(value, "/responseHeaders"));
    read_business_outcomes(
        spec,
        [&](std::string_view name) {
            return json::text(answered->if_contains({name.data(), name.size()})).value_or("");
        },
        recorded.outcome);
    return {};
}

// The optional fields: latency, conversion, and the unit that was assigned to the arm.
Result<> read_optional(const json::Value& value, Outcome& outcome) {
    if (const json::Value* ms = json::find(value, "/ms"); ms != nullptr && !ms->is_null()) {
        const auto number = json::number(ms);
        if (!number || *number < 0) {
            return fail(ErrorKind::invalid, "ms: expected a number of at least 0");
        }
        outcome.ms = *number;
    }
    const json::Value* converted = json::find(value, "/converted");
    if (converted != nullptr && !converted->is_null()) {
        outcome.converted = json::boolean(converted);
        if (!outcome.converted)
            return fail(ErrorKind::invalid, "converted: expected true or false");
    }
    const json::Value* unit = json::find(value, "/unit");
    if (unit == nullptr) unit = json::find(value, "/user");
    if (unit != nullptr && !unit->is_null()) {
        const auto text = json::text(unit);
        outcome.unit = hash_unit(text ? std::string(*text) : json::print(*unit));
    }
    return {};
}

Result<> read_recorded(std::string_view line, const Spec& spec, Recorded& into) {
    into = {};
    SERIN_TRY(into.value, json::parse(line));
    const json::Value& value = into.value;
    if (!value.is_object()) return fail(ErrorKind::invalid, "expected a JSON object");
    const auto at = json::number(json::find(value, "/t"));
    if (!at || !std::isfinite(*at)) return fail(ErrorKind::invalid, "t: expected seconds");
    const auto arm = json::text(json::find(value, "/arm"));
    if (arm != "canary" && arm != "stable") {
        return fail(ErrorKind::invalid, "arm: expected \"stable\" or \"canary\"");
    }
    const auto ok = json::boolean(json::find(value, "/ok"));
    if (!ok) return fail(ErrorKind::invalid, "ok: expected true or false");
    into.outcome = {
        .arm = arm == "canary" ? Arm::canary : Arm::stable, .at_s = *at, .failed = !*ok};
    SERIN_TRY_DO(read_optional(value, into.outcome));
    return read_parts(spec, into);
}

// Looks at each request as the judge does, for where the canary is worse.
class Parts {
public:
    explicit Parts(const Spec& spec) : slices_(slices::questions_of(spec), spec.plan) {}

    void take(Recorded& recorded, const Spec& spec, const State& state) {
        slices::Request& request = recorded.request;
        request.arm = recorded.outcome.arm;
        request.at_s = recorded.outcome.at_s;
        request.headers = recorded.headers;
        request.events = slices::events_of(slices_.questions(), spec, state, recorded.outcome);
        slices_.take(request, cache_);
        if (request.at_s < ticked_s_ + 1) return;
        ticked_s_ = request.at_s;
        slices_.pass_time(ticked_s_, cache_);
    }
    slices::Explanation explain() const { return slices_.explain(false_discoveries); }

private:
    static constexpr double false_discoveries = 0.05;

    slices::Slices slices_;
    statistics::FactorCache cache_;
    double ticked_s_ = 0;
};

bool is_over(const State& state, bool goes_on) {
    return state.ended.has_value() || (state.passed.has_value() && !goes_on);
}

std::string number(double value) {
    return value >= 1e6 || (value > 0 && value < 1e-3) ? fmt::format("{:.3e}", value)
                                                       : fmt::format("{:.4g}", value);
}

std::string to_text(const Verdict& verdict) {
    std::string text = fmt::format(
        "{} at {:.3f} s, outcome {}{}\n{}.\n\n",
        to_string(verdict.decision),
        verdict.at_s,
        verdict.index,
        verdict.rule.empty() ? "" : ": " + verdict.rule,
        verdict.explanation);
    Table table{
        .header = {"METRIC", "ARM", "REQUESTS", "EVENTS", "RATE", "95 % INTERVAL", "HARM", "SAFE"},
        .rows = {}};
    const auto row = [&](const MetricVerdict& metric, const char* name, const ArmEstimate& arm) {
        const bool is_canary = &arm == &metric.canary;
        table.rows.push_back(
            {is_canary ? metric.name : "",
             name,
             fmt::format("{}", arm.total),
             fmt::format("{} {}", arm.events, metric.event),
             fmt::format("{:.4g} %", 100 * arm.rate),
             fmt::format("{:.4g} to {:.4g} %", 100 * arm.interval.low, 100 * arm.interval.high),
             is_canary ? number(metric.e_value) : "",
             is_canary ? number(metric.pass_e_value) : ""});
    };
    for (const MetricVerdict& metric : verdict.metrics) {
        row(metric, "canary", metric.canary);
        row(metric, "stable", metric.stable);
    }
    text += to_text(table);
    text += fmt::format(
        "\nEvidence of harm {} (fails at {}), p = {}; each metric is safe at {}\n",
        number(verdict.e_value),
        number(verdict.fail_at),
        number(verdict.p_value),
        number(verdict.pass_at));
    if (verdict.requests_to_decision && verdict.seconds_to_decision) {
        text += fmt::format(
            "If it goes on like this, a decision takes about {:.0f} more canary requests, {:.0f} s "
            "at this traffic\n",
            *verdict.requests_to_decision,
            *verdict.seconds_to_decision);
    }
    return text;
}

int exit_code_of(Decision decision) {
    switch (decision) {
        case Decision::pass:
            return exit_ok;
        case Decision::fail:
            return exit_degraded;
        case Decision::go_on:
        case Decision::hold:
        case Decision::inconclusive:
            return exit_unfinished;
    }
    return exit_error;
}

// The path of the evidence, as it is walked.
class Path {
public:
    explicit Path(const JudgeOptions& options) : options_(options) {}

    void add(const Judge& judge, const State& state) {
        if (options_.every == 0 || state.observed % options_.every != 0) return;
        const Verdict verdict = judge.verdict(state);
        double safety = INFINITY;
        for (const MetricVerdict& metric : verdict.metrics) {
            safety = std::min(safety, metric.pass_e_value);
        }
        const double at_s = state.now_s + state.origin_s.value_or(0);
        items_.push_back(json::Object{
            {"index", state.observed},
            {"t", at_s},
            {"eValue", verdict.e_value},
            {"pValue", verdict.p_value},
            {"passEValue", safety},
            {"decision", json::string(to_string(verdict.decision))}});
        table_.rows.push_back(
            {fmt::format("{}", state.observed),
             fmt::format("{:.3f}", at_s),
             number(verdict.e_value),
             number(verdict.p_value),
             number(safety),
             std::string(to_string(verdict.decision))});
    }
    std::string text() const { return table_.rows.empty() ? "" : to_text_of(table_) + "\n"; }
    json::Array items() && { return std::move(items_); }

private:
    static std::string to_text_of(const Table& table) { return serin::cli::to_text(table); }

    const JudgeOptions& options_;
    Table table_{.header = {"OUTCOME", "SECONDS", "HARM", "P", "SAFE", "DECISION"}, .rows = {}};
    json::Array items_;
};

}  // namespace

Result<Replay> replay_sequential(
    const std::string& spec_text, std::FILE* outcomes, const JudgeOptions& options) {
    SERIN_TRY(Spec spec, read_spec_text(spec_text, options.spec_file));
    statistics::FactorCache cache;
    const Judge judge(std::move(spec), cache);
    State state = judge.begin();
    Path path(options);
    Parts parts(judge.spec());
    Recorded recorded;
    Lines lines(outcomes);
    std::string_view line;
    while (!is_over(state, options.goes_on) && lines.next(line)) {
        if (line.find_first_not_of(" \t") == line.npos) continue;
        const auto read = read_recorded(line, judge.spec(), recorded);
        if (!read) {
            return fail(
                ErrorKind::invalid,
                fmt::format("outcomes, line {}: {}", lines.number(), read.error().message));
        }
        parts.take(recorded, judge.spec(), state);
        judge.observe(state, recorded.outcome);
        path.add(judge, state);
    }
    const Verdict verdict = judge.verdict(state);
    const slices::Explanation where = parts.explain();
    const bool is_worth_telling =
        verdict.decision == Decision::fail ? !where.is_empty() : !where.found.empty();
    Replay replay{.text = "", .exit_code = exit_code_of(verdict.decision)};
    if (options.format == Format::json || options.format == Format::yaml) {
        json::Object document = print_verdict(verdict);
        if (is_worth_telling) document["where"] = slices::print_explanation(where);
        if (options.every > 0) document["path"] = std::move(path).items();
        replay.text = options.format == Format::json ? json::print_pretty(document) + "\n"
                                                     : json::print_yaml(document);
    } else {
        replay.text = path.text() + to_text(verdict);
        if (is_worth_telling) replay.text += "\n" + slices::describe(where) + ".\n";
    }
    return replay;
}

int run_judge_sequential(const JudgeOptions& options) {
    std::string spec;
    if (!options.spec_file.empty()) {
        std::ifstream in(options.spec_file);
        if (!in) return report({ErrorKind::invalid, "cannot read " + options.spec_file});
        spec.assign(std::istreambuf_iterator<char>(in), {});
    }
    const auto replay = replay_sequential(spec, stdin, options);
    if (!replay) return report(replay.error());
    fmt::print("{}", replay->text);
    return replay->exit_code;
}

}  // namespace serin::cli
