#include "gateway/render.h"

#include "base/digest.h"
#include "gateway/copies.h"
#include "gateway/log_line.h"
#include "gateway/mirror.h"
#include "gateway/observe.h"
#include "gateway/rescue.h"
#include "gateway/text.h"
#include "gateway/unanswered.h"

#include <algorithm>

namespace serin::gateway {
namespace {

// Lines of haproxy.cfg with the rule each belongs to.
class Config {
public:
    void add(const std::string& line, const std::string& owner = {}) {
        text_ += line + "\n";
        owners_.push_back(owner);
    }
    void add_block(std::string_view lines) {
        while (!lines.empty()) {
            const std::size_t end = lines.find('\n');
            add(std::string(lines.substr(0, end)));
            if (end == std::string_view::npos) return;
            lines.remove_prefix(end + 1);
        }
    }

    std::string text_;
    std::vector<std::string> owners_;
};

// Timeouts: `connect` is also the pause before a retry. Only idempotent methods are tried again
// after a connection was used. idle-close-on-response: a process that is being replaced says
// "Connection: close" with its last response instead of cutting idle connections. abortonclose: a
// client that has gone costs its pod no more work, and its request counts as the client's own end.
constexpr std::string_view defaults_text = R"(defaults
    mode http
    timeout connect 200ms
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout queue 5s
    timeout tunnel 1h
    option redispatch 1
    retry-on conn-failure empty-response
    option idle-close-on-response
    option dontlognull
    option abortonclose
    option forwardfor
    balance leastconn
)";

// Addresses consist of letters, digits, '.' and ':', as names may.
std::string proxy_name(const Frontend& frontend) {
    return "listen." + std::to_string(frontend.port) + "." + frontend.address;
}

std::string rule_condition(const std::string& rule) {
    return " if { var(txn.rule) -m str " + quote(rule) + " }";
}

void add_value_condition(const std::string& fetch, const ValueMatch& value, std::string& into) {
    if (value.is_regex) {
        into += " { " + fetch + " -m reg -- " + quote("^(?:" + value.value + ")$") + " }";
    } else {
        into += " { " + fetch + " -m str -- " + quote(value.value) + " }";
    }
}

// Everything of an entry but its path.
std::string conditions_of(const Entry& entry) {
    std::string text;
    if (entry.host.starts_with("*.")) {
        text += " { var(txn.host) -m end " + quote(entry.host.substr(1)) + " }";
    } else if (!entry.host.empty()) {
        text += " { var(txn.host) -m str " + quote(entry.host) + " }";
    }
    if (!entry.match.method.empty()) {
        text += " { method -m str -- " + quote(entry.match.method) + " }";
    }
    for (const ValueMatch& header : entry.match.headers) {
        add_value_condition("req.fhdr(" + header.name + ")", header, text);
    }
    for (const ValueMatch& param : entry.match.params) {
        add_value_condition("url_param(" + param.name + "),url_dec(1)", param, text);
    }
    return text;
}

std::vector<std::string> path_conditions(const PathMatch& path) {
    if (path.kind == PathKind::regex) {
        return {" { path -m reg -- " + quote("^(?:" + path.value + ")$") + " }"};
    }
    if (path.kind == PathKind::exact) return {" { path -m str -- " + quote(path.value) + " }"};
    if (path.value == "/") return {""};
    // A prefix ends at a segment's end: "/api" covers "/api" and "/api/x", not "/apix".
    return {
        " { path -m str -- " + quote(path.value) + " }",
        " { path -m beg -- " + quote(path.value + "/") + " }"};
}

void add_entry(const Entry& entry, Config& config) {
    const std::string conditions = conditions_of(entry);
    for (const std::string& path : path_conditions(entry.match.path)) {
        config.add(
            "    http-request set-var(txn.rule) str(" + entry.rule +
                ") if !{ var(txn.rule) -m found }" + path + conditions,
            entry.rule);
    }
}

std::string changed_path(const PathChange& change) {
    if (change.kind == PathChange::Kind::full) return "'" + change.value + "'";
    // The rule has matched, so the path begins with the prefix and '.' cannot match anything else.
    if (change.prefix == "/") {
        const std::string front = change.value == "/" ? "/" : change.value + "/";
        return "'%[path,regsub(^/," + front + ")]'";
    }
    if (change.value == "/") return "'%[path,regsub(^" + change.prefix + "/?,/)]'";
    return "'%[path,regsub(^" + change.prefix + "," + change.value + ")]'";
}

void add_path_change(const PathChange& change, const std::string& rule, Config& config) {
    if (change.kind == PathChange::Kind::none) return;
    config.add("    http-request set-path " + changed_path(change) + rule_condition(rule), rule);
}

void add_redirect(
    const Redirect& redirect, const Frontend& frontend, const std::string& rule, Config& config) {
    const std::string own_scheme = frontend.is_tls ? "https" : "http";
    const std::string scheme = redirect.scheme.empty() ? own_scheme : redirect.scheme;
    const int usual_port = scheme == "https" ? 443 : 80;
    int port = redirect.port;
    if (port == 0) port = redirect.scheme.empty() ? frontend.port : usual_port;
    const std::string host = redirect.hostname.empty() ? "%[var(txn.host)]" : redirect.hostname;
    const std::string authority = port == usual_port ? host : host + ":" + std::to_string(port);
    add_path_change(redirect.path, rule, config);
    config.add(
        "    http-request redirect code " + std::to_string(redirect.status) + " location '" +
            scheme + "://" + authority + "%[pathq]'" + rule_condition(rule),
        rule);
}

void add_edit(const HeaderEdit& edit, const std::string& rule, Config& config) {
    const std::string side = edit.is_on_response ? "    http-response " : "    http-request ";
    switch (edit.kind) {
        case HeaderEdit::Kind::set:
            config.add(
                side + "set-header " + quote(edit.name) + " " + quote_format(edit.value) +
                    rule_condition(rule),
                rule);
            return;
        case HeaderEdit::Kind::add:
            config.add(
                side + "add-header " + quote(edit.name) + " " + quote_format(edit.value) +
                    rule_condition(rule),
                rule);
            return;
        case HeaderEdit::Kind::remove:
            config.add(side + "del-header " + quote(edit.name) + rule_condition(rule), rule);
            return;
    }
}

void add_rule(const TableRule& rule, const Frontend& frontend, const Place& place, Config& config) {
    // Before anything is changed: what the client asked and what the pod answered.
    if (rule.rule.retry) {
        config.add("    http-request set-var(txn.path) path" + rule_condition(rule.id), rule.id);
    }
    for (const std::string& line :
         observe_lines(rule.observed, rule_condition(rule.id), place.user_key)) {
        config.add(line, rule.id);
    }
    for (const HeaderEdit& edit : rule.rule.edits) add_edit(edit, rule.id, config);
    if (rule.rule.redirect) {
        add_redirect(*rule.rule.redirect, frontend, rule.id, config);
        return;
    }
    if (rule.rule.rewrite) {
        add_path_change(rule.rule.rewrite->path, rule.id, config);
        if (!rule.rule.rewrite->hostname.empty()) {
            config.add(
                "    http-request set-header Host " + quote(rule.rule.rewrite->hostname) +
                    rule_condition(rule.id),
                rule.id);
        }
    }
    if (!rule.mirrors.empty()) {
        for (const std::string& line : mirror_lines(rule)) config.add(line, rule.id);
    }
    if (rule.sampling) {
        for (const std::string& line : copies_lines(rule)) config.add(line, rule.id);
    }
}

// Gives the backend of a request, by chance.
std::string choice_of(const TableRule& rule, const std::string& dir) {
    return "rand(" + std::to_string(split_parts) + "),map_int(" + map_path(dir, rule.id) + "," +
           std::string(no_backend) + ")";
}

void add_split(const TableRule& rule, const std::string& dir, Config& config) {
    if (rule.rule.redirect) return;
    const std::string choice = rule.rule.retry ? "var(txn.to)" : choice_of(rule, dir);
    config.add("    use_backend %[" + choice + "]" + rule_condition(rule.id), rule.id);
}

// What is chosen before the split, when requests may be tried twice.
void add_rescues(
    const RoutingTable& table,
    const std::vector<std::string>& used,
    const std::string& dir,
    Config& config) {
    for (const std::string& id : used) {
        const TableRule& rule = table.rules.at(id);
        if (!rule.rule.retry || rule.rule.redirect) continue;
        for (const std::string& line : choosing_lines(rule, choice_of(rule, dir))) {
            config.add(line, id);
        }
    }
    for (const Rescue& rescue : rescues_of(table)) {
        const std::string& id = rescue.rule->id;
        const bool is_used = std::ranges::find(used, id) != used.end();
        if (is_used) config.add(rescue_line(rescue), id);
    }
}

void add_frontend(
    const RoutingTable& table,
    const Frontend& frontend,
    const Place& place,
    const std::string& bind,
    Config& config) {
    const std::string name = proxy_name(frontend);
    config.add("frontend " + name);
    std::string tls;
    if (frontend.is_tls) {
        tls = " ssl crt-list " + place.dir + "/certs/" + name + ".list alpn h2,http/1.1";
    }
    config.add("    bind " + bind + tls);
    config.add("    log ring@" + std::string(ring_name) + " len 2048 format raw local0 info");
    std::vector<std::string> used;
    for (const Entry& entry : frontend.entries) {
        if (std::ranges::find(used, entry.rule) == used.end()) used.push_back(entry.rule);
    }
    const bool is_observed = std::ranges::any_of(
        used, [&](const std::string& id) { return !table.rules.at(id).observed.is_nothing(); });
    config.add(
        "    unique-id-format %[req.fhdr(x-request-id),bytes(0,64),json(utf8s),bytes(0,64)]");
    config.add("    log-format " + log_format(Writer::listener, is_observed));
    config.add("    http-request set-var(txn.t0) date(0,us)");
    // A request keeps the id it came with, so that its trace does not break.
    config.add(
        "    http-request set-header X-Request-Id %[uuid()]"
        " unless { req.fhdr(x-request-id) -m len 1:128 }");
    config.add("    http-request set-var(txn.host) req.hdr(host),host_only,lower");
    if (frontend.is_tls) config.add("    http-request set-header X-Forwarded-Proto https");
    for (const Entry& entry : frontend.entries) add_entry(entry, config);
    for (const std::string& id : used) add_rule(table.rules.at(id), frontend, place, config);
    add_rescues(table, used, place.dir, config);
    for (const std::string& id : used) add_split(table.rules.at(id), place.dir, config);
    config.add("    default_backend serin.unmatched");
}

void add_backend(const RoutingTable& table, const Backend& backend, Config& config) {
    config.add("backend " + backend.name);
    config.add(
        "    http-request disable-l7-retry unless { method " + std::string(retried_methods) + " }");
    for (const std::string& line : unanswered_lines()) config.add(line);
    for (const auto& [id, rule] : table.rules) {
        const bool is_target =
            std::ranges::find(rule.targets, backend.name, &Target::backend) != rule.targets.end();
        const auto timeout = rule.rule.try_timeout ? rule.rule.try_timeout : rule.rule.timeout;
        if (!timeout || !is_target) continue;
        config.add(
            "    http-request set-timeout server " + std::to_string(timeout->count()) + "ms" +
                rule_condition(id),
            id);
    }
}

std::string certificate_list(const Frontend& frontend, const std::string& dir) {
    std::string list;
    for (const Certificate& certificate : frontend.certificates) {
        list += dir + "/certs/" + certificate.file + " " + certificate.host + "\n";
    }
    return list;
}

Config make_config(const RoutingTable& table, const Place& place, bool with_servers) {
    Config config;
    config.add("global");
    config.add("    stats socket " + place.dir + "/admin.sock mode 600 level admin");
    config.add("    stats timeout 24h");
    config.add("    hard-stop-after 60s");
    config.add("    ssl-default-bind-options ssl-min-ver TLSv1.2");
    for (const std::string& line : unanswered_global(place.dir)) config.add(line);
    const bool has_mirror = has_mirrors(table);
    if (has_mirror) config.add("    lua-load-per-thread " + place.dir + "/mirror.lua");
    const bool has_copy = has_copies(table);
    if (has_copy) config.add("    lua-load-per-thread " + place.dir + "/copies.lua");
    config.add("ring " + std::string(ring_name));
    config.add_block("    format raw\n    maxlen 2048\n    size 33554432\n");
    config.add_block(defaults_text);
    config.add("    retries " + std::to_string(retries_max));
    for (const auto& [name, frontend] : table.frontends) {
        const auto bind = place.binds.find(name);
        if (bind != place.binds.end()) {
            add_frontend(table, frontend, place, bind->second, config);
        }
    }
    if (has_mirror) config.add_block(mirror_frontend(place.dir));
    if (has_copy) config.add_block(copies_table());
    const std::vector<Rescue> rescues = rescues_of(table);
    if (!rescues.empty()) config.add_block(rescue_table());
    for (std::size_t i = 0; i < rescues.size(); ++i) {
        for (const auto& line : rescue_proxies(rescues[i], static_cast<int>(i), place)) {
            config.add(line, rescues[i].rule->id);
        }
    }
    config.add_block(
        "backend serin.unmatched\n"
        "    http-request return status 404 content-type text/plain string \"no route\\n\"\n");
    config.add("backend " + std::string(no_backend));
    config.add_block(
        "    http-request return status 500 content-type text/plain string \"no backend\\n\"\n");
    for (const auto& [name, backend] : table.backends) {
        add_backend(table, backend, config);
        if (!with_servers) continue;
        int id = 0;
        for (const auto& [server, endpoint] : backend.endpoints) {
            config.add("    server " + server + " " + server_parameters(endpoint, ++id));
        }
    }
    return config;
}

}  // namespace

Rendering render(
    const RoutingTable& table, const std::map<std::string, Ranges>& splits, const Place& place) {
    Rendering rendering;
    Config config = make_config(table, place, true);
    rendering.files.push_back({"haproxy.cfg", std::move(config.text_)});
    rendering.owners = std::move(config.owners_);
    rendering.files.push_back({"unanswered.lua", std::string(unanswered_script())});
    if (has_mirrors(table)) rendering.files.push_back({"mirror.lua", mirror_script(place.dir)});
    if (has_copies(table)) rendering.files.push_back({"copies.lua", copies_script(place.dir)});
    for (const auto& [id, rule] : table.rules) {
        if (rule.rule.redirect) continue;
        const auto ranges = splits.find(id);
        rendering.files.push_back(
            {map_path("", id).substr(1),
             print_ranges(ranges == splits.end() ? ranges_of({}) : ranges->second)});
    }
    for (const auto& [name, frontend] : table.frontends) {
        if (!frontend.is_tls) continue;
        rendering.files.push_back(
            {"certs/" + proxy_name(frontend) + ".list", certificate_list(frontend, place.dir)});
        for (const Certificate& certificate : frontend.certificates) {
            rendering.files.push_back({"certs/" + certificate.file, certificate.pem});
        }
    }

    // The same in a place that says nothing about when and where it runs.
    Place nowhere{.dir = "/-"};
    for (const auto& [name, bind] : place.binds) nowhere.binds[name] = "fd@0";
    std::string structure = make_config(table, nowhere, false).text_;
    for (const auto& [name, frontend] : table.frontends) {
        structure += certificate_list(frontend, nowhere.dir);
    }
    rendering.fingerprint = sha256_hex(structure);
    return rendering;
}

std::string server_parameters(const Endpoint& endpoint, int id) {
    const bool is_v6 = endpoint.address.contains(':');
    const std::string host = is_v6 ? "[" + endpoint.address + "]" : endpoint.address;
    return host + ":" + std::to_string(endpoint.port) + " id " + std::to_string(id) +
           " check inter 2s fastinter 100ms downinter 500ms rise 1 fall 2"
           // A server added at run time inherits no defaults: without these two it keeps no idle
           // connection, and each request pays for a new one.
           " pool-max-conn -1 pool-purge-delay 5s"
           " observe layer4 error-limit 3 on-error mark-down";
}

std::string map_path(const std::string& dir, const std::string& rule_id) {
    std::string file = rule_id;
    std::ranges::replace(file, '/', '_');  // No Kubernetes name has a '_'.
    return dir + "/maps/" + file + ".map";
}

}  // namespace serin::gateway
