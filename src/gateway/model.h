#pragma once

#include "base/json.h"
#include "base/time.h"
#include "ports/object.h"
#include "ports/observed.h"
#include "ports/request_copies.h"
#include "ports/retry_on_stable.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// What the Gateway API objects ask of the data plane, as plain values: no HAProxy in here. Every
// text in these structs has passed the checks of read_route.h and read_gateway.h, so rendering it
// cannot fail.

namespace serin::gateway {

// Why a part of an object is not served, in a condition's words.
struct Problem {
    std::string reason;   // "UnsupportedValue".
    std::string message;  // For people; names the field.
    friend bool operator==(const Problem&, const Problem&) = default;
};

enum class PathKind { exact, prefix, regex };

struct PathMatch {
    PathKind kind = PathKind::prefix;
    std::string value = "/";  // Prefixes count whole segments and have no slash at the end.
    friend bool operator==(const PathMatch&, const PathMatch&) = default;
};

// A header or a query parameter.
struct ValueMatch {
    std::string name;
    std::string value;
    bool is_regex = false;
    friend bool operator==(const ValueMatch&, const ValueMatch&) = default;
};

struct RequestMatch {
    PathMatch path;
    std::string method;  // Empty: any.
    std::vector<ValueMatch> headers;
    std::vector<ValueMatch> params;
    friend bool operator==(const RequestMatch&, const RequestMatch&) = default;
};

struct HeaderEdit {
    enum class Kind { set, add, remove };
    Kind kind = Kind::set;
    bool is_on_response = false;
    std::string name;
    std::string value;
    friend bool operator==(const HeaderEdit&, const HeaderEdit&) = default;
};

struct PathChange {
    enum class Kind { none, full, prefix };
    Kind kind = Kind::none;
    std::string prefix;  // The matched prefix that `value` replaces.
    std::string value;
    friend bool operator==(const PathChange&, const PathChange&) = default;
};

struct Redirect {
    std::string scheme;    // Empty: the request's.
    std::string hostname;  // Empty: the request's.
    int port = 0;          // 0: the listener's, or the scheme's own when the scheme changes.
    PathChange path;
    int status = 302;
    friend bool operator==(const Redirect&, const Redirect&) = default;
};

struct Rewrite {
    std::string hostname;  // Empty: unchanged.
    PathChange path;
    friend bool operator==(const Rewrite&, const Rewrite&) = default;
};

struct BackendRef {
    std::string service;
    int port = 0;  // 0: the Service's only port.
    std::int64_t weight = 1;
    std::optional<Problem> problem;  // Not a Service, or in another namespace.
    friend bool operator==(const BackendRef&, const BackendRef&) = default;
};

// A backend that gets copies of requests.
struct MirrorRef {
    BackendRef ref;
    std::int64_t parts = 1'000'000;  // So many of a million requests.
    friend bool operator==(const MirrorRef&, const MirrorRef&) = default;
};

struct RouteRule {
    std::vector<RequestMatch> matches;  // Never empty.
    std::vector<HeaderEdit> edits;
    std::optional<Redirect> redirect;
    std::optional<Rewrite> rewrite;
    std::vector<BackendRef> refs;
    std::vector<MirrorRef> mirrors;
    std::optional<Duration> timeout;
    std::optional<Duration> try_timeout;  // Of one attempt at a pod.
    // Set when the rule names that Service beside others.
    std::optional<RetryOnStable> retry;
    friend bool operator==(const RouteRule&, const RouteRule&) = default;
};

struct ParentRef {
    std::string ns;
    std::string name;
    std::string section;  // Empty: every listener.
    int port = 0;         // 0: any.
    json::Value raw;      // As written, for the status.
    friend bool operator==(const ParentRef&, const ParentRef&) = default;
};

// One HTTPRoute as it is written.
struct RouteSpec {
    std::string ns;
    std::string name;
    std::string created;                 // For precedence; compares as text.
    std::vector<std::string> hostnames;  // Lower case.
    std::vector<ParentRef> parents;      // Those that name Gateways.
    std::vector<RouteRule> rules;        // Empty when there is a problem.
    Observed observed;
    std::optional<Problem> problem;
    std::optional<Problem> unobserved;  // Why not all is observed that should be; it is served.
    friend bool operator==(const RouteSpec&, const RouteSpec&) = default;
};

// A pod that may be sent requests, as one Service port reaches it.
struct Endpoint {
    std::string server;  // "<pod-template hash>:<pod>", the server's name in the data plane.
    std::string pod;
    std::string address;
    int port = 0;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A Service port that at least one rule names.
struct Backend {
    std::string name;  // "<namespace>.<service>.<port>".
    std::string ns;
    std::string service;
    std::map<std::string, Endpoint> endpoints;  // By server name.
};

// A share of one rule's requests.
struct Target {
    std::string service;
    std::string backend;  // Empty: the reference does not resolve.
    std::int64_t weight = 0;
    friend bool operator==(const Target&, const Target&) = default;
};

struct MirrorTarget {
    std::string backend;
    std::int64_t parts = 0;
};

// Requests of a rule that are copied to Serin itself.
struct Sampling {
    std::set<std::string> methods;
    int rate = 0;  // At most so many a second.
};

// Who wants copies, by a number that is never given twice.
struct NumberedWish {
    std::uint64_t number = 0;
    CopyWish wish;
};

// The pods of both revisions that could be sent the requests of a rule.
struct SampledPods {
    std::map<std::string, Endpoint> candidate;  // By server name.
    std::map<std::string, Endpoint> stable;
};

// A rule in the table. Its requests are split by weight; a redirect has no targets.
struct TableRule {
    std::string id;  // "<namespace>/<route>/<index>", as in the request log.
    RouteRule rule;
    std::vector<Target> targets;
    std::vector<MirrorTarget> mirrors;  // Those that resolve.
    Observed observed;
    std::optional<Sampling> sampling;
};

// One way into a rule, in the order of precedence that Gateway API lays down.
struct Entry {
    std::string host;  // "shop.example", "*.example" or "" for any.
    RequestMatch match;
    std::string rule;  // TableRule::id.
};

struct Certificate {
    std::string file;  // Name of the file it is written to; derives from its content.
    std::string pem;
    std::string host;  // The listener's host name; empty: any.
};

// One address and port on which requests arrive.
struct Frontend {
    std::string address;
    int port = 0;
    bool is_tls = false;
    std::vector<Certificate> certificates;
    std::vector<Entry> entries;

    std::string name() const { return address + ":" + std::to_string(port); }
};

struct Condition {
    std::string type;
    bool is_true = false;
    std::string reason;
    std::string message;
};

struct ListenerReport {
    std::string name;
    std::string protocol;
    std::string frontend;  // Frontend::name(); empty when nothing serves the listener.
    int attached_routes = 0;
    std::vector<Condition> conditions;
};

struct GatewayReport {
    ObjectKey key;
    std::int64_t generation = 0;
    std::string address;
    std::optional<Problem> problem;
    std::vector<ListenerReport> listeners;
};

struct ParentReport {
    json::Value parent;
    std::vector<Condition> conditions;
    bool is_accepted = false;
};

struct RouteReport {
    ObjectKey key;
    std::int64_t generation = 0;
    std::vector<ParentReport> parents;  // Only those of our Gateways.
    std::vector<std::string> rules;     // TableRule ids; empty when no parent accepts the route.
};

struct ServiceReport {
    std::int64_t generation = 0;
    std::vector<std::string> backends;  // Backend names, one a port.
};

struct PodState {
    bool may_serve = false;
    std::string address;
    bool is_in_rotation = false;    // As its annotation says.
    std::optional<Duration> grace;  // Set while it is being deleted.
};

// Everything the data plane has to do, and what to tell the authors of the objects.
struct RoutingTable {
    std::map<std::string, Frontend> frontends;  // By name.
    std::map<std::string, TableRule> rules;     // By id.
    std::map<std::string, Backend> backends;    // By name.
    std::map<ObjectKey, RouteSpec> specs;       // As written; those with a parent of ours.
    std::vector<GatewayReport> gateways;
    std::map<ObjectKey, RouteReport> routes;
    std::map<ObjectKey, ServiceReport> services;  // Those that rules name.
    // Rules with requests for a wish, by the wish's number and the rule's id.
    std::map<std::uint64_t, std::map<std::string, SampledPods>> sampled;
    // Every pod by "<namespace>/<server>", whether or not a rule names it.
    std::map<std::string, PodState> pods;
};

// "default/6b7f:shop-x7k2p".
std::string pod_identity(std::string_view ns, std::string_view server);

}  // namespace serin::gateway
