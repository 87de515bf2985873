#include "cli/judge_ab.h"

#include "cli/exit_codes.h"
#include "cli/lines.h"
#include "cli/table.h"
#include "judge/ab/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace serin::cli {

namespace {

using namespace judge::ab;

Result<Visit> read_visit(std::string_view line, const Spec& spec) {
    SERIN_TRY(const json::Value value, json::parse(line));
    if (!value.is_object()) return fail(ErrorKind::invalid, "expected a JSON object");
    const auto at = json::number(json::find(value, "/t"));
    if (!at || !std::isfinite(*at)) return fail(ErrorKind::invalid, "t: expected seconds");
    const auto name = json::text(json::find(value, "/arm"));
    const auto arm = std::ranges::find(spec.arms, name.value_or(""), &ArmSpec::name);
    if (!name || arm == spec.arms.end()) {
        return fail(
            ErrorKind::invalid,
            name ? fmt::format("arm: '{}' is not one of --arms", *name)
                 : std::string("arm: expected the name of an arm"));
    }
    const auto converted = json::boolean(json::find(value, "/converted"));
    if (!converted) return fail(ErrorKind::invalid, "converted: expected true or false");
    return Visit{
        .arm = static_cast<std::size_t>(arm - spec.arms.begin()),
        .converted = *converted,
        .at_s = *at};
}

std::string number(double value) {
    return value >= 1e6 || (value > 0 && value < 1e-3) ? fmt::format("{:.3e}", value)
                                                       : fmt::format("{:.4g}", value);
}

std::string headline(const Report& report, const Spec& spec) {
    if (report.is_split_broken) {
        return fmt::format(
            "invalid: the arms' shares are not as configured (p = {}); find out why before "
            "comparing anything\n",
            number(report.split_p_value));
    }
    if (report.winner) {
        return fmt::format(
            "winner {} at {:.3f} s, visit {}: better than every other arm; such a word is wrong "
            "with a chance of at most {} %, however often one looks\n",
            report.arms[*report.winner].name,
            report.won_at_s,
            report.won_at_visit,
            100 * spec.alpha);
    }
    return "continue: no arm is shown to be the best\n";
}

std::string to_text(const Report& report, const Spec& spec) {
    Table table{
        .header =
            {"ARM",
             "VISITORS",
             "CONVERTED",
             "RATE",
             "95 % CREDIBLE",
             "P(BEST)",
             "EXPECTED LOSS",
             "E-VALUE"},
        .rows = {}};
    for (const ArmReport& arm : report.arms) {
        table.rows.push_back(
            {arm.name,
             fmt::format("{}", arm.visitors),
             fmt::format("{}", arm.conversions),
             fmt::format("{:.4g} %", 100 * arm.rate),
             fmt::format("{:.4g} to {:.4g} %", 100 * arm.credible.low, 100 * arm.credible.high),
             fmt::format("{:.4f}", arm.chance_best),
             fmt::format("{:.3g} points", 100 * arm.expected_loss),
             number(arm.e_value)});
    }
    return headline(report, spec) + "\n" + to_text(table) +
           fmt::format(
               "\nAn arm wins at an e-value of {}. P(best) and the expected loss promise nothing "
               "to "
               "those who look more than once.\n",
               number(report.win_at));
}

json::Object path_item(const State& state, const Spec& spec, std::uint64_t visits, double at_s) {
    const Report now = report(state, spec);
    json::Array arms;
    for (const ArmReport& arm : now.arms) {
        arms.push_back(json::Object{
            {"name", json::string(arm.name)},
            {"eValue", arm.e_value},
            {"probabilityBest", arm.chance_best}});
    }
    return {{"visit", static_cast<std::int64_t>(visits)}, {"t", at_s}, {"arms", std::move(arms)}};
}

std::string path_text(const json::Array& path) {
    Table table{.header = {"VISIT", "SECONDS", "ARM", "E-VALUE", "P(BEST)"}, .rows = {}};
    for (const json::Value& item : path) {
        for (const json::Value& arm : *json::array(json::find(item, "/arms"))) {
            table.rows.push_back(
                {fmt::format("{}", *json::integer(json::find(item, "/visit"))),
                 fmt::format("{:.3f}", *json::number(json::find(item, "/t"))),
                 std::string(*json::text(json::find(arm, "/name"))),
                 number(*json::number(json::find(arm, "/eValue"))),
                 fmt::format("{:.4f}", *json::number(json::find(arm, "/probabilityBest")))});
        }
    }
    return path.empty() ? "" : to_text(table) + "\n";
}

}  // namespace

Result<AbReplay> replay_ab(std::FILE* visits, const AbOptions& options) {
    Spec spec{.arms = {}, .alpha = options.alpha};
    SERIN_TRY(spec.arms, read_arms(options.arms));
    State state = begin(spec);
    json::Array path;
    Lines lines(visits);
    std::string_view line;
    std::uint64_t count = 0;
    while ((!state.winner || options.goes_on) && lines.next(line)) {
        if (line.find_first_not_of(" \t") == line.npos) continue;
        const auto visit = read_visit(line, spec);
        if (!visit) {
            return fail(
                ErrorKind::invalid,
                fmt::format("visits, line {}: {}", lines.number(), visit.error().message));
        }
        observe(state, spec, *visit);
        ++count;
        if (options.every > 0 && count % options.every == 0) {
            path.push_back(path_item(state, spec, count, visit->at_s));
        }
    }
    const Report found = report(state, spec);
    AbReplay replay{
        .text = "",
        .exit_code = found.is_split_broken ? exit_degraded
                     : found.winner        ? exit_ok
                                           : exit_unfinished};
    if (options.format == Format::json || options.format == Format::yaml) {
        json::Object document = print_report(found);
        if (options.every > 0) document["path"] = std::move(path);
        replay.text = options.format == Format::json ? json::print_pretty(document) + "\n"
                                                     : json::print_yaml(document);
    } else {
        replay.text = path_text(path) + to_text(found, spec);
    }
    return replay;
}

int run_judge_ab(const AbOptions& options) {
    const auto replay = replay_ab(stdin, options);
    if (!replay) return report(replay.error());
    fmt::print("{}", replay->text);
    return replay->exit_code;
}

}  // namespace serin::cli
