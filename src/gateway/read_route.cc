#include "gateway/read_route.h"

#include "gateway/text.h"

#include <algorithm>

namespace serin::gateway {
namespace {

using Text = std::string_view;

std::string lower(Text text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

Text text_at(const json::Value& value, Text pointer, Text otherwise = {}) {
    return json::text(json::find(value, pointer)).value_or(otherwise);
}

const json::Array& array_at(const json::Value& value, Text pointer) {
    static const json::Array none;
    const json::Array* array = json::array(json::find(value, pointer));
    return array == nullptr ? none : *array;
}

// Collects the first problem; later ones would only repeat the advice.
class Reader {
public:
    explicit Reader(const Object& route) : route_(route) {}
    RouteSpec read();

private:
    void refuse(const std::string& field, const std::string& why) {
        if (!problem_) problem_ = Problem{"UnsupportedValue", field + ": " + why};
    }
    void demand(bool holds, const std::string& field, const std::string& why) {
        if (!holds) refuse(field, why);
    }
    std::vector<std::string> read_hostnames();
    std::vector<ParentRef> read_parents();
    RouteRule read_rule(const json::Value& rule, const std::string& field);
    std::optional<Duration> read_timeout(
        const json::Value& rule, Text name, const std::string& field);
    void read_retry(RouteSpec& spec);
    RequestMatch read_match(const json::Value& match, const std::string& field);
    PathMatch read_path(const json::Value& match, const std::string& field);
    std::vector<ValueMatch> read_values(
        const json::Value& match, Text member, bool is_header, const std::string& field);
    void read_filter(const json::Value& filter, const std::string& field, RouteRule& into);
    void read_edits(
        const json::Value& edits, bool is_on_response, const std::string& field, RouteRule& into);
    PathChange read_path_change(
        const json::Value& filter, const std::string& field, const RouteRule& rule);
    Redirect read_redirect(
        const json::Value& filter, const std::string& field, const RouteRule& rule);
    BackendRef read_ref(const json::Value& ref, const std::string& field);
    MirrorRef read_mirror(const json::Value& filter, const std::string& field);

    const Object& route_;
    std::optional<Problem> problem_;
};

RouteSpec Reader::read() {
    RouteSpec spec;
    spec.ns = route_.ns();
    spec.name = route_.name();
    spec.created = route_.text("/metadata/creationTimestamp");
    spec.parents = read_parents();
    spec.hostnames = read_hostnames();
    demand(is_dns_name(spec.ns) && is_dns_name(spec.name), "metadata", "bad name");
    ObservedRead observed = read_observed(route_);
    spec.observed = std::move(observed.observed);
    for (const ObservedProblem& problem : observed.problems) {
        if (spec.unobserved) break;
        spec.unobserved = Problem{
            "UnsupportedValue",
            "annotation " + std::string(problem.annotation) + ": " + problem.message};
    }

    const json::Array* rules = json::array(route_.find("/spec/rules"));
    // Without rules a route matches everything and has no backend (the API server's default).
    static const json::Array default_rules{json::Object{}};
    if (rules == nullptr || rules->empty()) rules = &default_rules;
    for (std::size_t i = 0; i < rules->size(); ++i) {
        spec.rules.push_back(read_rule((*rules)[i], "spec.rules[" + std::to_string(i) + "]"));
    }
    read_retry(spec);
    if (problem_) spec.rules.clear();
    spec.problem = std::move(problem_);
    return spec;
}

std::vector<std::string> Reader::read_hostnames() {
    std::vector<std::string> hostnames;
    const json::Array* array = json::array(route_.find("/spec/hostnames"));
    if (array == nullptr) return hostnames;
    for (const json::Value& item : *array) {
        hostnames.push_back(lower(json::text(&item).value_or("")));
        demand(is_host_pattern(hostnames.back()), "spec.hostnames", "not a host name");
    }
    return hostnames;
}

std::vector<ParentRef> Reader::read_parents() {
    std::vector<ParentRef> parents;
    const json::Array* array = json::array(route_.find("/spec/parentRefs"));
    if (array == nullptr) return parents;
    for (const json::Value& item : *array) {
        if (text_at(item, "/kind", "Gateway") != "Gateway") continue;
        if (text_at(item, "/group", "gateway.networking.k8s.io") != "gateway.networking.k8s.io") {
            continue;
        }
        parents.push_back(
            {.ns = std::string(text_at(item, "/namespace", route_.ns())),
             .name = std::string(text_at(item, "/name")),
             .section = std::string(text_at(item, "/sectionName")),
             .port = static_cast<int>(json::integer(json::find(item, "/port")).value_or(0)),
             .raw = item});
    }
    return parents;
}

RouteRule Reader::read_rule(const json::Value& rule, const std::string& field) {
    RouteRule out;
    for (const json::Value& match : array_at(rule, "/matches")) {
        const std::string at = field + ".matches[" + std::to_string(out.matches.size()) + "]";
        out.matches.push_back(read_match(match, at));
    }
    if (out.matches.empty()) out.matches.emplace_back();

    const json::Array& filters = array_at(rule, "/filters");
    for (std::size_t i = 0; i < filters.size(); ++i) {
        read_filter(filters[i], field + ".filters[" + std::to_string(i) + "]", out);
    }
    const json::Array& refs = array_at(rule, "/backendRefs");
    for (std::size_t i = 0; i < refs.size(); ++i) {
        out.refs.push_back(read_ref(refs[i], field + ".backendRefs[" + std::to_string(i) + "]"));
    }
    out.timeout = read_timeout(rule, "request", field);
    out.try_timeout = read_timeout(rule, "backendRequest", field);
    demand(
        json::find(rule, "/sessionPersistence") == nullptr,
        field + ".sessionPersistence",
        "not supported");
    return out;
}

std::optional<Duration> Reader::read_timeout(
    const json::Value& rule, Text name, const std::string& field) {
    const auto written = json::text(json::find(rule, "/timeouts/" + std::string(name)));
    if (!written) return std::nullopt;
    const Result<Duration> timeout = parse_duration(*written);
    demand(
        timeout.has_value() && *timeout >= Duration(0),
        field + ".timeouts." + std::string(name),
        "not a duration");
    return timeout && *timeout > Duration(0) ? std::optional(*timeout) : std::nullopt;
}

// The annotations were judged when the route came in; those of an older Serin may be wrong, and
// then nothing is retried.
void Reader::read_retry(RouteSpec& spec) {
    std::vector<AnnotationProblem> problems;
    const auto retry =
        read_retry_on_stable(json::object(route_.find("/metadata/annotations")), problems);
    if (!retry) return;
    for (RouteRule& rule : spec.rules) {
        const auto is_stable = [&](const BackendRef& ref) { return ref.service == retry->service; };
        const bool names_stable = std::ranges::any_of(rule.refs, is_stable);
        if (names_stable && !std::ranges::all_of(rule.refs, is_stable)) rule.retry = retry;
    }
}

RequestMatch Reader::read_match(const json::Value& match, const std::string& field) {
    RequestMatch out;
    out.path = read_path(match, field);
    out.method = text_at(match, "/method");
    demand(out.method.empty() || is_token(out.method), field + ".method", "not a method");
    out.headers = read_values(match, "headers", true, field);
    out.params = read_values(match, "queryParams", false, field);
    // A line of HAProxy's configuration has at most 64 words, and a condition takes up to seven.
    demand(out.headers.size() + out.params.size() <= 6, field, "more than 6 conditions");
    return out;
}

PathMatch Reader::read_path(const json::Value& match, const std::string& field) {
    PathMatch path;
    const Text type = text_at(match, "/path/type", "PathPrefix");
    path.value = text_at(match, "/path/value", "/");
    demand(is_printable(path.value), field + ".path.value", "control characters or too long");
    if (type == "RegularExpression") {
        path.kind = PathKind::regex;
        return path;
    }
    demand(path.value.starts_with('/'), field + ".path.value", "does not begin with '/'");
    if (type == "Exact") {
        path.kind = PathKind::exact;
    } else {
        demand(type == "PathPrefix", field + ".path.type", "not supported");
        while (path.value.size() > 1 && path.value.ends_with('/')) path.value.pop_back();
    }
    return path;
}

std::vector<ValueMatch> Reader::read_values(
    const json::Value& match, Text member, bool is_header, const std::string& field) {
    std::vector<ValueMatch> values;
    const json::Array& array = array_at(match, "/" + std::string(member));
    for (const json::Value& item : array) {
        const std::string at = field + "." + std::string(member);
        const Text type = text_at(item, "/type", "Exact");
        demand(type == "Exact" || type == "RegularExpression", at, "type not supported");
        ValueMatch value{
            .name = std::string(text_at(item, "/name")),
            .value = std::string(text_at(item, "/value")),
            .is_regex = type == "RegularExpression"};
        if (is_header) value.name = lower(value.name);
        // Both end up as the argument of a fetch, where quoting is of no help.
        demand(is_word(value.name), at, "name has characters that are not supported");
        demand(is_printable(value.value), at, "value has control characters or is too long");
        // Of equal names the first counts.
        if (std::ranges::find(values, value.name, &ValueMatch::name) == values.end()) {
            values.push_back(std::move(value));
        }
    }
    return values;
}

void Reader::read_filter(const json::Value& filter, const std::string& field, RouteRule& into) {
    const Text type = text_at(filter, "/type");
    if (type == "RequestHeaderModifier") {
        if (const auto* edits = json::find(filter, "/requestHeaderModifier")) {
            read_edits(*edits, false, field, into);
        }
    } else if (type == "ResponseHeaderModifier") {
        if (const auto* edits = json::find(filter, "/responseHeaderModifier")) {
            read_edits(*edits, true, field, into);
        }
    } else if (type == "RequestRedirect") {
        static const json::Value nothing = json::Object{};
        const auto* redirect = json::find(filter, "/requestRedirect");
        into.redirect = read_redirect(redirect == nullptr ? nothing : *redirect, field, into);
    } else if (type == "URLRewrite") {
        static const json::Value nothing = json::Object{};
        const auto* found = json::find(filter, "/urlRewrite");
        const json::Value& rewrite = found == nullptr ? nothing : *found;
        into.rewrite = Rewrite{
            .hostname = std::string(text_at(rewrite, "/hostname")),
            .path = read_path_change(rewrite, field, into)};
        demand(
            into.rewrite->hostname.empty() || is_dns_name(into.rewrite->hostname),
            field + ".urlRewrite.hostname",
            "not a host name");
    } else if (type == "RequestMirror" && json::find(filter, "/requestMirror") != nullptr) {
        into.mirrors.push_back(
            read_mirror(*json::find(filter, "/requestMirror"), field + ".requestMirror"));
    } else {
        refuse(field, "filter " + std::string(type) + " is not supported");
    }
}

void Reader::read_edits(
    const json::Value& edits, bool is_on_response, const std::string& field, RouteRule& into) {
    const auto add = [&](HeaderEdit::Kind kind, Text name, Text value) {
        demand(is_token(name), field, "not a header name");
        demand(is_printable(value), field, "value has control characters or is too long");
        into.edits.push_back(
            {.kind = kind,
             .is_on_response = is_on_response,
             .name = std::string(name),
             .value = std::string(value)});
    };
    for (const json::Value& item : array_at(edits, "/set")) {
        add(HeaderEdit::Kind::set, text_at(item, "/name"), text_at(item, "/value"));
    }
    for (const json::Value& item : array_at(edits, "/add")) {
        add(HeaderEdit::Kind::add, text_at(item, "/name"), text_at(item, "/value"));
    }
    for (const json::Value& item : array_at(edits, "/remove")) {
        add(HeaderEdit::Kind::remove, json::text(&item).value_or(""), "");
    }
}

PathChange Reader::read_path_change(
    const json::Value& filter, const std::string& field, const RouteRule& rule) {
    PathChange change;
    const Text type = text_at(filter, "/path/type");
    if (type.empty()) return change;
    if (type == "ReplaceFullPath") {
        change.kind = PathChange::Kind::full;
        change.value = text_at(filter, "/path/replaceFullPath", "/");
    } else if (type == "ReplacePrefixMatch") {
        change.kind = PathChange::Kind::prefix;
        change.value = text_at(filter, "/path/replacePrefixMatch", "/");
        while (change.value.size() > 1 && change.value.ends_with('/')) change.value.pop_back();
        change.prefix = rule.matches.front().path.value;
        const bool is_one_prefix = std::ranges::all_of(rule.matches, [&](const auto& match) {
            return match.path.kind == PathKind::prefix && match.path.value == change.prefix;
        });
        demand(is_one_prefix, field, "ReplacePrefixMatch needs one PathPrefix in all matches");
        demand(is_plain_path(change.prefix), field, "matched prefix has unusual characters");
    } else {
        refuse(field, "path type is not supported");
    }
    demand(is_plain_path(change.value), field, "replacement path has unusual characters");
    return change;
}

Redirect Reader::read_redirect(
    const json::Value& filter, const std::string& field, const RouteRule& rule) {
    Redirect redirect;
    redirect.scheme = text_at(filter, "/scheme");
    redirect.hostname = text_at(filter, "/hostname");
    redirect.port = static_cast<int>(json::integer(json::find(filter, "/port")).value_or(0));
    redirect.status =
        static_cast<int>(json::integer(json::find(filter, "/statusCode")).value_or(302));
    redirect.path = read_path_change(filter, field, rule);
    demand(
        redirect.scheme.empty() || redirect.scheme == "http" || redirect.scheme == "https",
        field + ".scheme",
        "not supported");
    demand(
        redirect.hostname.empty() || is_dns_name(redirect.hostname),
        field + ".hostname",
        "not a host name");
    demand(
        redirect.status == 301 || redirect.status == 302, field + ".statusCode", "not supported");
    demand(redirect.port >= 0 && redirect.port <= 65535, field + ".port", "not a port");
    return redirect;
}

MirrorRef Reader::read_mirror(const json::Value& filter, const std::string& field) {
    static const json::Value nothing = json::Object{};
    const json::Value* ref = json::find(filter, "/backendRef");
    MirrorRef mirror{.ref = read_ref(ref == nullptr ? nothing : *ref, field + ".backendRef")};
    const json::Value* percent = json::find(filter, "/percent");
    const json::Value* fraction = json::find(filter, "/fraction");
    demand(
        percent == nullptr || fraction == nullptr,
        field,
        "percent and fraction exclude each other");
    if (percent != nullptr) {
        const std::int64_t share = json::integer(percent).value_or(-1);
        demand(share >= 0 && share <= 100, field + ".percent", "not in 0..100");
        mirror.parts = share * 10'000;
    } else if (fraction != nullptr) {
        const std::int64_t part = json::integer(json::find(*fraction, "/numerator")).value_or(-1);
        const std::int64_t whole =
            json::integer(json::find(*fraction, "/denominator")).value_or(100);
        const bool is_share = part >= 0 && part <= whole && whole > 0 && whole <= 1'000'000'000;
        demand(is_share, field + ".fraction", "not a share of a whole");
        if (is_share) mirror.parts = part * 1'000'000 / whole;
    }
    return mirror;
}

BackendRef Reader::read_ref(const json::Value& ref, const std::string& field) {
    BackendRef out;
    out.service = text_at(ref, "/name");
    out.port = static_cast<int>(json::integer(json::find(ref, "/port")).value_or(0));
    out.weight = json::integer(json::find(ref, "/weight")).value_or(1);
    demand(out.weight >= 0 && out.weight <= 1'000'000, field + ".weight", "not in 0..1000000");
    demand(array_at(ref, "/filters").empty(), field + ".filters", "not supported");
    if (text_at(ref, "/kind", "Service") != "Service" || !text_at(ref, "/group").empty()) {
        out.problem = Problem{"InvalidKind", field + ": only Services are supported"};
    } else if (text_at(ref, "/namespace", route_.ns()) != route_.ns()) {
        out.problem = Problem{"RefNotPermitted", field + ": the Service is in another namespace"};
    }
    return out;
}

}  // namespace

RouteSpec read_route(const Object& route) {
    return Reader(route).read();
}

bool differ_in_weights_only(const RouteSpec& left, const RouteSpec& right) {
    const auto without_weights = [](RouteSpec spec) {
        for (RouteRule& rule : spec.rules) {
            for (BackendRef& ref : rule.refs) ref.weight = 0;
        }
        return spec;
    };
    return without_weights(left) == without_weights(right);
}

}  // namespace serin::gateway
