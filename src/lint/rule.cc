#include "lint/rule.h"

#include <algorithm>

namespace serin::lint {

namespace {

using enum Level;

constexpr Rule table[] = {
    // What applying refuses or says as well.
    {"syntax", error, "the text is no readable YAML or JSON"},
    {"unknown-kind", error, "a kind that is not served"},
    {"unknown-field", error, "a field that the API does not have"},
    {"pruned-field", error, "a field at a place where a cluster drops it in silence"},
    {"missing-field", error, "a required field is missing"},
    {"two-keys", error, "fields that exclude each other, such as two kinds in one step"},
    {"missing-object", error, "an object is named that is not there"},
    {"missing-key", error, "a key or port is named that the object does not have"},
    {"unresolved-argument", error, "an argument without a value"},
    {"runs-forever", error, "an analysis that has to end and does not"},
    {"selector-mismatch", error, "a selector that does not fit the pods it should select"},
    {"duplicate-object", error, "the same object twice"},
    {"not-supported", error, "something that Serin does not act on"},
    {"invalid", error, "a value or combination that the API refuses"},
    {"no-effect", info, "a field without effect on one machine"},
    {"undeclared-argument", warning, "an argument that the template does not declare"},
    {"accepted-oddity", warning, "accepted, but probably not what was meant"},
    // The plan of a release.
    {"no-analysis", warning, "nothing is judged before all traffic is on the new version"},
    {"unjudged-weight", warning, "a weight that nothing judges while it is in force"},
    {"judged-late", warning, "the background analysis starts after weights it should guard"},
    {"background-ends-early", warning, "a background metric stops before the release is over"},
    {"pause-without-end", info, "only a person ends the pause"},
    {"step-too-short", warning, "watched for less time than the failure takes to show"},
    {"weight-goes-down", warning, "a step takes traffic back in the middle of a release"},
    {"weight-not-reachable", warning, "replicas cannot approximate the weight"},
    {"single-replica", warning, "one replica: every release and every crash is an outage"},
    {"quoted-percentage", warning, "a quoted number is a percentage"},
    {"deadline-too-short", warning, "the progress deadline is shorter than a pod needs"},
    {"contradictory-delays", warning, "delays of which one makes the other useless"},
    {"never-scaled-down", info, "0 means for ever here"},
    {"short-standby", warning, "the old version is gone before it may be needed"},
    {"ignored-field", warning, "another field makes this one count for nothing"},
    {"header-route-needs-router", error, "the router has no header routes"},
    // Metrics and their conditions.
    {"no-condition", warning, "without a condition every measurement succeeds"},
    {"condition-ignores-result", warning, "the condition does not look at what was measured"},
    {"always-passes", warning, "the condition holds for every value"},
    {"never-passes", warning, "the condition holds for no value"},
    {"condition-shape", warning, "the condition does not fit what the provider returns"},
    {"gap-between-conditions", warning, "values that neither pass nor fail hold the release"},
    {"cannot-trip", warning, "the limits let the metric never fail"},
    {"failure-limit-zero", warning, "the first failed measurement aborts"},
    {"measured-once", warning, "a background metric that is measured once, at the start"},
    {"measures-before-traffic", warning, "the first measurement comes before any request"},
    {"dry-run-only", warning, "every metric is a dry run: nothing can abort"},
    {"job-condition-ignored", warning, "a job is judged by its exit status alone"},
    {"job-needs-bash", warning, "the job's shell or image lacks what its script uses"},
    {"unused-argument", warning, "an argument that no metric uses"},
    {"unknown-argument", warning, "an argument is given that no template declares"},
    {"requests-target-missing", warning, "requests of a Service or route that is not there"},
    {"looser-than-objective", warning, "the gate lets pass what the stated objective forbids"},
    {"judge-config", warning, "a judge's configuration that the run would refuse"},
    {"shadow-repeats", warning, "requests that change something are carried out again and again"},
    {"header-not-observed", warning, "no route tells the header that a judge waits for"},
    {"users-not-observed", warning, "users are limited, and no route says who a user is"},
    // What queries return.
    {"result-may-be-empty", warning, "an empty result ends in an error"},
    {"no-data-passes", warning, "missing data counts as success"},
    {"division-by-zero", warning, "0/0 is NaN, and NaN counts as failure"},
    {"quantile-without-le", warning, "a quantile over buckets that are not summed by le"},
    {"rate-on-gauge", warning, "rate() of something that is no counter"},
    {"delta-on-counter", warning, "delta() or deriv() of a counter"},
    {"unaggregated-query", warning, "many series, of which only the first is judged"},
    {"unscoped-query", warning, "canary and stable are measured together"},
    {"measures-stable", warning, "the query asks for the stable side"},
    {"rate-as-ratio", warning, "a rate per second is held against a share"},
    {"rate-is-per-second", warning, "a rate per second under a name that says per minute"},
    // Services, routes, pods and other documents.
    {"service-selects-nothing", warning, "the selector matches no pod template"},
    {"service-without-selector", warning, "a Service without a selector"},
    {"affinity-config", warning, "affinity settings that contradict each other"},
    {"sticky-sessions", warning, "affinity breaks the comparison of the two sides"},
    {"route-exposes-canary", warning, "the manifest itself gives the canary weight"},
    {"shared-service", warning, "two Rollouts use one Service"},
    {"canary-ingress-without-main", warning, "a canary Ingress needs the main one"},
    {"no-readiness-probe", warning, "without one, pods get requests before they can answer"},
    {"liveness-checks-dependency", warning, "an outage elsewhere restarts every pod"},
    {"mutable-image", warning, "an image tag that may mean something else tomorrow"},
    {"shared-claim", warning, "several replicas write into one volume"},
    {"missing-claim", warning, "a volume claim that is not there"},
    {"config-not-json", warning, "a JSON file that is no JSON"},
    {"date-contradicts-name", warning, "a date that is not the day it is called"},
    // Computed at the stated traffic.
    {"gate", info, "how likely a gate stops a bad release and a healthy one"},
    {"gate-misses", warning, "a bad release probably passes the gate"},
    {"gate-trips", warning, "a healthy release probably does not pass the gate"},
    {"too-few-requests", warning, "too few requests for a verdict"},
    // About lint-ignore itself.
    {"ignore-unknown-rule", warning, "lint-ignore names no rule"},
    {"ignore-without-reason", warning, "lint-ignore gives no reason"},
    {"ignore-unused", info, "lint-ignore names a rule that finds nothing"},
};

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "error";
}

std::span<const Rule> rules() {
    return table;
}

const Rule* find_rule(std::string_view name) {
    const auto* found = std::ranges::find(table, name, &Rule::name);
    return found == std::end(table) ? nullptr : found;
}

}  // namespace serin::lint
