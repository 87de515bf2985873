#include "node/jobs.h"

#include "base/digest.h"
#include "node/pod_facts.h"
#include "ports/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace serin::node {

namespace {

using std::chrono::seconds;

// Kubernetes' delays before a pod takes the place of a failed one: ten seconds, doubling.
constexpr seconds retry_first{10};
constexpr seconds retry_last{360};

std::int64_t restarts_of(const Object& pod) {
    std::int64_t restarts = 0;
    if (const json::Array* all = json::array(pod.find("/status/containerStatuses"))) {
        for (const json::Value& one : *all)
            restarts += json::integer(json::find(one, "/restartCount")).value_or(0);
    }
    return restarts;
}

// When the last of the pod's containers ended; empty for one whose end nobody saw.
std::optional<Instant> finished_at(const Object& pod) {
    std::optional<Instant> last;
    for (const char* list : {"/status/initContainerStatuses", "/status/containerStatuses"}) {
        const json::Array* all = json::array(pod.find(list));
        if (all == nullptr) continue;
        for (const json::Value& one : *all) {
            const auto text = json::text(json::find(one, "/state/terminated/finishedAt"));
            const auto at = text ? parse_time(*text) : Result<Instant>(Instant::min());
            if (text && at && (!last || *last < *at)) last = *at;
        }
    }
    return last;
}

// "container main exited with code 3", of the first that failed; empty when none did.
std::string exit_of(const Object& pod) {
    for (const char* list : {"/status/initContainerStatuses", "/status/containerStatuses"}) {
        const json::Array* all = json::array(pod.find(list));
        if (all == nullptr) continue;
        for (const json::Value& one : *all) {
            for (const char* state : {"/state", "/lastState"}) {
                const auto code =
                    json::integer(json::find(one, std::string(state) + "/terminated/exitCode"));
                if (!code || *code == 0) continue;
                const auto name = json::text(json::find(one, "/name")).value_or("");
                return fmt::format("container {} exited with code {}", name, *code);
            }
        }
    }
    return {};
}

Object pod_from_template(const Object& job, const std::string& name) {
    Object pod(types::pod(), job.ns(), name);
    for (const std::string_view part : {"labels", "annotations"}) {
        const auto* value = job.find(fmt::format("/spec/template/metadata/{}", part));
        if (value != nullptr) pod.put(fmt::format("/metadata/{}", part), *value);
    }
    if (const json::Value* spec = job.find("/spec/template/spec")) pod.put("/spec", *spec);
    for (const std::string_view prefix : {"", "batch.kubernetes.io/"}) {
        pod.set_label(fmt::format("{}{}", prefix, label_job_name), job.name());
        pod.set_label(fmt::format("{}controller-uid", prefix), job.uid());
    }
    pod.set_controller(job);
    return pod;
}

json::Object finished_condition(
    std::string_view type, std::string_view reason, std::string_view message, Instant now) {
    json::Object made{
        {"type", type},
        {"status", "True"},
        {"lastProbeTime", format_time(now)},
        {"lastTransitionTime", format_time(now)}};
    if (!reason.empty()) made["reason"] = reason;
    if (!message.empty()) made["message"] = message;
    return made;
}

}  // namespace

struct Jobs::Count {
    std::int64_t active = 0;
    std::int64_t ready = 0;
    std::int64_t succeeded = 0;
    std::int64_t failed = 0;
    std::int64_t restarts = 0;  // Of pods that start their containers again themselves.
    std::optional<Instant> last_failure;
    std::string exit;  // How the last failed pod ended.
    std::vector<Object> live;

    static Count of(const Object& job, const std::vector<Object>& pods) {
        Count count;
        for (const Object& pod : pods) {
            const std::string_view phase = pod.text("/status/phase");
            if (phase == "Succeeded") {
                ++count.succeeded;
            } else if (phase == "Failed") {
                ++count.failed;
                const Instant at = finished_at(pod).value_or(pod.created().value_or(Instant{}));
                if (!count.last_failure || *count.last_failure <= at) {
                    count.last_failure = at;
                    count.exit = exit_of(pod);
                }
            } else if (!pod.is_being_deleted()) {
                ++count.active;
                if (is_ready(pod)) ++count.ready;
                const std::int64_t restarts = restarts_of(pod);
                count.restarts += restarts;
                if (restarts > 0 && count.exit.empty()) count.exit = exit_of(pod);
                count.live.push_back(pod);
            }
        }
        // A pod that somebody removed has been, all the same.
        count.succeeded = std::max(count.succeeded, job.integer("/status/succeeded"));
        count.failed = std::max(count.failed, job.integer("/status/failed"));
        return count;
    }
};

Jobs::Jobs(ObjectStore& store, const Clock& clock, EventRecorder& events)
    : store_(store), clock_(clock), events_(events) {}

std::vector<Trigger> Jobs::triggers() const {
    return {on_change_of(types::job()), on_change_of_owned(types::pod(), types::job())};
}

Result<CallAgain> Jobs::reconcile(const ObjectKey& key) {
    const Result<Object> job = store_.get(key);
    if (!job) {
        if (job.error().kind == ErrorKind::not_found) return CallAgain{};
        return std::unexpected(job.error());
    }
    if (job->is_being_deleted()) return CallAgain{};
    return end_of(*job) ? expire(*job) : run(*job);
}

namespace {

std::optional<Instant> deadline_of(const Object& job, Instant started) {
    const std::int64_t limit = job.integer("/spec/activeDeadlineSeconds");
    return limit > 0 ? std::optional(started + seconds(limit)) : std::nullopt;
}

}  // namespace

// The condition of a Job that is over; empty while there is something left to do.
std::optional<json::Object> Jobs::ending(
    const Object& job, const Count& count, Instant started) const {
    const Instant now = clock_.now();
    if (count.succeeded >= job.integer("/spec/completions", 1))
        return finished_condition("Complete", "", "", now);

    const std::int64_t backoff = job.integer("/spec/backoffLimit", 6);
    const bool restarts_itself = job.text("/spec/template/spec/restartPolicy") == "OnFailure";
    const bool is_restarted_enough =
        restarts_itself && count.restarts >= std::max<std::int64_t>(backoff, 1);
    if (count.failed > backoff || is_restarted_enough) {
        std::string message = "Job has reached the specified backoff limit";
        if (!count.exit.empty()) message += ": " + count.exit;
        return finished_condition("Failed", "BackoffLimitExceeded", message, now);
    }
    if (const auto deadline = deadline_of(job, started); deadline && *deadline <= now) {
        return finished_condition(
            "Failed", "DeadlineExceeded", "Job was active longer than specified deadline", now);
    }
    return std::nullopt;
}

Result<CallAgain> Jobs::run(const Object& job) {
    const Instant now = clock_.now();
    SERIN_TRY(const std::vector<Object> pods, owned_pods(job));
    const Count count = Count::of(job, pods);
    const Instant started = job.time("/status/startTime").value_or(now);
    json::Object status{{"startTime", format_time(started)}};
    if (count.succeeded > 0) status["succeeded"] = count.succeeded;
    if (const auto condition = ending(job, count, started))
        return end(job, count, std::move(status), *condition);

    CallAgain again;
    if (const auto deadline = deadline_of(job, started)) again = *deadline - now;
    const std::int64_t wanted = std::min(
        job.integer("/spec/parallelism", 1), job.integer("/spec/completions", 1) - count.succeeded);
    std::int64_t missing = std::max<std::int64_t>(wanted - count.active, 0);
    if (missing > 0 && count.failed > 0) {
        const auto doublings = std::min<std::int64_t>(count.failed - 1, 10);
        const seconds delay = std::min(retry_last, retry_first * (std::int64_t{1} << doublings));
        const Duration left = count.last_failure.value_or(now) + delay - now;
        if (left > Duration(0)) {
            missing = 0;
            again = std::min(again.value_or(left), left);
        }
    }
    const Result<> created = missing > 0 ? create_pods(job, count, missing) : Result<>();
    if (count.failed > 0) status["failed"] = count.failed;
    if (count.active + missing > 0) status["active"] = count.active + missing;
    status["ready"] = count.ready;
    SERIN_TRY_DO(write_status(job, std::move(status)));
    if (!created) return std::unexpected(created.error());
    return again;
}

Result<CallAgain> Jobs::expire(const Object& job) {
    const json::Value* ttl = job.find("/spec/ttlSecondsAfterFinished");
    const auto after = json::integer(ttl);
    const auto finished = job.time("/status/conditions/0/lastTransitionTime");
    if (!after || !finished) return CallAgain{};
    const Duration left = *finished + seconds(*after) - clock_.now();
    if (left > Duration(0)) return CallAgain{left};
    const auto removed = store_.remove(job.key(), {.uid = std::string(job.uid())});
    if (!removed && removed.error().kind != ErrorKind::not_found)
        return std::unexpected(removed.error());
    return CallAgain{};
}

// Pods that still run have nothing to do any more.
Result<CallAgain> Jobs::end(
    const Object& job, const Count& count, json::Object status, const json::Object& condition) {
    SERIN_TRY_DO(remove_pods(count.live));
    const Object shown(condition);
    const bool is_complete = shown.text("/type") == "Complete";
    if (is_complete) status["completionTime"] = condition.at("lastTransitionTime");
    const std::int64_t failed = count.failed + (is_complete ? 0 : count.active);
    if (failed > 0) status["failed"] = failed;
    status["conditions"] = json::Array{condition};
    status["ready"] = 0;
    SERIN_TRY_DO(write_status(job, std::move(status)));
    events_.record(
        job,
        is_complete ? EventType::normal : EventType::warning,
        shown.text("/reason", "Completed"),
        shown.text("/message", "Job completed"));
    return CallAgain{};
}

Result<std::vector<Object>> Jobs::owned_pods(const Object& job) {
    SERIN_TRY(
        ObjectList pods,
        store_.list(
            {.type = &types::pod(),
             .ns = std::string(job.ns()),
             .owner_uid = std::string(job.uid())}));
    return std::move(pods.items);
}

// A pod's name tells which of the Job's it is, so a repeated turn makes none twice.
Result<> Jobs::create_pods(const Object& job, const Count& count, std::int64_t missing) {
    std::int64_t number = count.succeeded + count.failed + count.active;
    for (std::int64_t made = 0, tried = 0; made < missing; ++number, ++tried) {
        const std::string digest = sha256_hex(fmt::format("{}/{}", job.uid(), number));
        const std::string name =
            fmt::format("{}-{}", job.name(), safe_encode(digest.substr(0, 10)).substr(0, 5));
        const Result<Object> pod = store_.create(pod_from_template(job, name));
        if (pod) {
            ++made;
            events_.record(job, EventType::normal, "SuccessfulCreate", "Created pod: " + name);
            continue;
        }
        if (pod.error().kind == ErrorKind::exists && tried < missing + 64) continue;
        events_.record(
            job, EventType::warning, "FailedCreate", "Error creating: " + pod.error().message);
        return std::unexpected(Error(pod.error()).within("create a pod"));
    }
    return {};
}

Result<> Jobs::remove_pods(const std::vector<Object>& pods) {
    for (const Object& pod : pods) {
        const auto removed = store_.remove(pod.key(), {.uid = std::string(pod.uid())});
        if (!removed && removed.error().kind != ErrorKind::not_found)
            return std::unexpected(removed.error());
    }
    return {};
}

Result<> Jobs::write_status(const Object& job, json::Object status) {
    const json::Value* before = job.find("/status");
    if (before != nullptr && json::same(*before, status)) return {};
    Object changed = job;
    changed.put("/status", std::move(status));
    const Result<Object> written = store_.update(std::move(changed), Part::status);
    if (!written && written.error().kind != ErrorKind::not_found)
        return std::unexpected(written.error());
    return {};
}

}  // namespace serin::node
