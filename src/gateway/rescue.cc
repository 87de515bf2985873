#include "gateway/rescue.h"

#include "gateway/log_line.h"
#include "gateway/observe.h"
#include "gateway/text.h"

#include <algorithm>

namespace serin::gateway {

namespace {

// Rescues that a rule may have in ten seconds however few requests it gets: a share of nearly
// nothing would be nothing.
constexpr int rescues_min = 10;
// What the inner listeners are told of a request and no pod gets to see.
constexpr std::string_view id_header = "x-serin-id";
constexpr std::string_view path_header = "x-serin-path";

std::string is_of(const TableRule& rule) {
    return "{ var(txn.rule) -m str " + quote(rule.id) + " }";
}

// How many rescues the last ten seconds of a rule allow, from what its listeners have counted.
std::string budget_line(const TableRule& rule) {
    return "    http-request set-var(txn.budget) sc_gpc_rate(0,0),mul(" +
           std::to_string(rule.rule.retry->budget_percent) + "),div(100),add(" +
           std::to_string(rescues_min) + ")";
}

std::string count_line(const TableRule& rule) {
    return "    http-request track-sc0 str(" + rule.id + ") table serin.rescues";
}

constexpr std::string_view has_budget = "{ sc_gpc_rate(1,0),sub(txn.budget) -m int lt 0 }";

// One of the two listeners behind a rescue. Its clients are connections of the same process.
std::vector<std::string> listener(
    const Rescue& rescue, Writer writer, int number, const Place& place) {
    const std::string kind = writer == Writer::first ? "first" : "second";
    const std::string index = std::to_string(number);
    const Observed& observed = rescue.rule->observed;
    const std::string id(id_header);
    const std::string path(path_header);
    std::vector<std::string> lines{
        "frontend " + kind + ":" + index,
        "    bind unix@" + place.dir + "/" + kind + index + ".sock mode 600",
        // A process that stops needs no last request on these to close them.
        "    no option idle-close-on-response",
        "    log ring@" + std::string(ring_name) + " len 2048 format raw local0 info",
        "    unique-id-format %[req.hdr(" + id + ")]",
        "    log-format " + log_format(writer, !observed.is_nothing()),
        "    http-request set-var(txn.t0) date(0,us)",
        // Makes the id while the header is there.
        "    http-request set-var(txn.id) unique-id",
        "    http-request set-var(txn.path) req.hdr(" + path + ")",
        "    http-request del-header " + id,
        "    http-request del-header " + path,
        "    http-request set-var(txn.rule) str(" + rescue.rule->id + ")"};
    std::ranges::copy(observe_lines(observed, "", place.user_key), std::back_inserter(lines));
    return lines;
}

}  // namespace

bool is_rescue_backend(std::string_view proxy) {
    return proxy.starts_with("rescue:");
}

std::vector<Rescue> rescues_of(const RoutingTable& table) {
    std::vector<Rescue> rescues;
    for (const auto& [id, rule] : table.rules) {
        if (!rule.rule.retry || rule.rule.redirect) continue;
        const auto stable =
            std::ranges::find(rule.targets, rule.rule.retry->service, &Target::service);
        if (stable == rule.targets.end() || stable->backend.empty()) continue;
        for (const Target& target : rule.targets) {
            if (target.backend.empty() || target.service == stable->service) continue;
            std::string rule_name = id;
            std::ranges::replace(rule_name, '/', '_');
            rescues.push_back(
                {.backend = "rescue:" + rule_name + ":" + target.backend,
                 .first = target.backend,
                 .second = stable->backend,
                 .rule = &rule});
        }
    }
    // A rule may name a Service twice.
    const auto same = std::ranges::unique(rescues, {}, &Rescue::backend);
    rescues.erase(same.begin(), same.end());
    return rescues;
}

std::vector<std::string> choosing_lines(const TableRule& rule, const std::string& choice) {
    const std::string condition = " if " + is_of(rule);
    return {
        count_line(rule) + condition,
        "    http-request sc-inc-gpc(0,0)" + condition,
        budget_line(rule) + condition,
        "    http-request set-var(txn.to) " + choice + condition};
}

std::string rescue_line(const Rescue& rescue) {
    std::string methods;
    for (const std::string& method : rescue.rule->rule.retry->methods) methods += " " + method;
    // A process that stops does not take connections any more, not even from itself.
    return "    use_backend " + rescue.backend + " if " + is_of(*rescue.rule) +
           " { var(txn.to) -m str " + quote(rescue.first) + " } { method" + methods +
           " } !{ req.hdr(upgrade) -m found } !{ stopping } " + std::string(has_budget);
}

std::string rescue_table() {
    return "backend serin.rescues\n"
           "    stick-table type string len 300 size 10k expire 60s store gpc(2),gpc_rate(2,10s)\n";
}

std::vector<std::string> rescue_proxies(const Rescue& rescue, int number, const Place& place) {
    const RouteRule& rule = rescue.rule->rule;
    const std::string folder = " unix@" + place.dir + "/";
    const std::string index = std::to_string(number);
    // A request that has used up its whole time is not tried again, one attempt's time is another
    // matter.
    const std::string late = rule.try_timeout ? " 504" : "";
    // HAProxy writes no record of a second request on a connection when its server fails without an
    // answer: so these connections carry one request each.
    const std::string once = " pool-max-conn 0";
    std::vector<std::string> lines{
        "backend " + rescue.backend,
        "    timeout server 61s",
        "    retries 1",
        "    retry-on conn-failure empty-response junk-response 500 502 503" + late,
        "    http-request set-header " + std::string(id_header) + " %[unique-id]",
        "    http-request set-header " + std::string(path_header) + " %[var(txn.path)]",
        // A server without weight is not chosen again: a second attempt goes to the other one.
        "    use-server first if TRUE",
        "    server first" + folder + "first" + index + ".sock weight 0" + once,
        "    server second" + folder + "second" + index + ".sock weight 1" + once};
    const auto patience = rule.try_timeout ? rule.try_timeout : rule.timeout;
    if (patience) {
        lines.insert(
            lines.begin() + 2,
            "    http-request set-timeout server " + std::to_string(patience->count() + 1000) +
                "ms");
    }
    std::ranges::copy(listener(rescue, Writer::first, number, place), std::back_inserter(lines));
    lines.push_back("    default_backend " + rescue.first);
    std::ranges::copy(listener(rescue, Writer::second, number, place), std::back_inserter(lines));
    lines.push_back(count_line(*rescue.rule));
    lines.push_back(budget_line(*rescue.rule));
    // Many requests may have failed since they were let in, all at one deadline.
    lines.push_back(
        "    http-request return status 503 content-type text/plain string"
        " \"no retry left\\n\" unless " +
        std::string(has_budget));
    lines.push_back("    http-request sc-inc-gpc(1,0)");
    lines.push_back("    default_backend " + rescue.second);
    return lines;
}

}  // namespace serin::gateway
