#include "metrics/job.h"

#include "base/log.h"
#include "ports/job.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

constexpr std::string_view job_name = "job-name";
constexpr std::string_view job_namespace = "job-namespace";
constexpr std::string_view label_run_uid = "analysisrun.argoproj.io/uid";
constexpr Duration look_again = std::chrono::seconds(5);

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

// "<run uid>.<metric>.<number>", the metric cut so that the whole can be a label.
std::string name_of(const MetricQuery& query) {
    constexpr std::size_t longest = 63;
    std::string metric = query.metric;
    for (char& letter : metric) {
        const auto byte = static_cast<unsigned char>(letter);
        letter = std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
    }
    const std::string number = std::to_string(query.number);
    const std::size_t rest = query.run_uid.size() + number.size() + 2;
    if (rest + metric.size() > longest) metric.resize(rest < longest ? longest - rest : 1);
    while (metric.size() > 1 && metric.ends_with('-')) metric.pop_back();
    if (metric.starts_with('-')) metric.front() = 'm';
    return fmt::format("{}.{}.{}", query.run_uid, metric, number);
}

Object make_job(const MetricQuery& query, const Object& run) {
    Object job(types::job(), query.ns, name_of(query));
    for (const std::string_view part : {"labels", "annotations"}) {
        const auto* given = json::find(query.config, fmt::format("/metadata/{}", part));
        if (given != nullptr) job.put(fmt::format("/metadata/{}", part), *given);
    }
    if (const json::Value* spec = query.config.if_contains("spec")) job.put("/spec", *spec);
    job.set_label(label_run_uid, query.run_uid);
    job.put(
        "/spec/template/metadata/labels/" + json::escape_pointer(label_run_uid),
        json::string(query.run_uid));
    job.set_annotation("analysisrun.argoproj.io/name", query.run);
    job.set_annotation("analysisrun.argoproj.io/namespace", query.ns);
    job.set_annotation("analysisrun.argoproj.io/metric-name", query.metric);
    job.set_controller(run);
    return job;
}

// Why no container of the pod can ever start: its image is not there. Empty when one may.
std::string image_problem(const Object& pod) {
    for (const char* list : {"/status/initContainerStatuses", "/status/containerStatuses"}) {
        const json::Array* all = json::array(pod.find(list));
        if (all == nullptr) continue;
        for (const json::Value& one : *all) {
            const auto reason = json::text(json::find(one, "/state/waiting/reason")).value_or("");
            if (reason != "ErrImagePull" && reason != "ImagePullBackOff" &&
                reason != "InvalidImageName") {
                continue;
            }
            return fmt::format(
                "container {}: {}: {}",
                json::text(json::find(one, "/name")).value_or(""),
                reason,
                json::text(json::find(one, "/state/waiting/message")).value_or(""));
        }
    }
    return {};
}

Result<> remove_job(ObjectStore& store, const ObjectKey& key) {
    const auto removed = store.remove(key);
    if (!removed && removed.error().kind != ErrorKind::not_found)
        return std::unexpected(removed.error());
    return {};
}

// Follows one Job: makes it if need be, and looks at it and its pods whenever they change.
class Following : public MetricSource::Measurement {
public:
    Following(EventLoop& loop, ObjectStore& store, MetricQuery query, MetricSource::Done done)
        : loop_(loop),
          store_(store),
          query_(std::move(query)),
          key_{.type = &types::job(), .ns = query_.ns, .name = name_of(query_)},
          done_(std::move(done)) {
        // Whoever measures has to get the handle first.
        timer_ = loop_.after(Duration(0), [this] { begin(); });
    }

    std::map<std::string, std::string> metadata() const override {
        return {{std::string(job_name), key_.name}, {std::string(job_namespace), key_.ns}};
    }

    void terminate() override {
        done_ = nullptr;
        watches_.clear();
        timer_.reset();
        if (const auto removed = remove_job(store_, key_); !removed) {
            // It belongs to the run and goes with it at the latest.
            log::warning(
                "job_not_removed", {{"job", key_.name}, {"error", removed.error().message}});
        }
    }

private:
    void begin() {
        watches_.clear();
        timer_.reset();
        const auto made = ensure_job();
        if (!made) {
            if (made.error().kind == ErrorKind::unavailable) return try_again();
            return finish(std::unexpected(made.error()));
        }
        const auto watched = watch();
        if (!watched) return try_again();
        look();
    }

    void try_again() {
        watches_.clear();
        timer_ = loop_.after(look_again, [this] { begin(); });
    }

    Result<> ensure_job() {
        const auto known = store_.get(key_);
        if (known) {
            if (known->label(label_run_uid) == query_.run_uid) return {};
            return fail(
                ErrorKind::invalid, fmt::format("job \"{}\" belongs to somebody else", key_.name));
        }
        if (known.error().kind != ErrorKind::not_found) return std::unexpected(known.error());
        if (was_made_) return fail(ErrorKind::not_found, "the job was removed");
        SERIN_TRY(
            const Object run,
            store_.get({.type = &types::analysis_run(), .ns = query_.ns, .name = query_.run}));
        const auto made = store_.create(make_job(query_, run));
        if (!made) return std::unexpected(Error(made.error()).within("create the job"));
        was_made_ = true;
        return {};
    }

    Result<> watch() {
        const ListQuery own{
            .type = &types::job(),
            .ns = key_.ns,
            .fields = LabelSelector::equal_to({{"metadata.name", key_.name}})};
        const ListQuery pods{
            .type = &types::pod(),
            .ns = key_.ns,
            .labels = LabelSelector::equal_to({{std::string(label_job_name), key_.name}})};
        for (const ListQuery& query : {own, pods}) {
            SERIN_TRY(const ObjectList list, store_.list(query));
            SERIN_TRY(
                auto handle,
                store_.watch(
                    query,
                    list.resource_version,
                    [this](const StoreEvent&) { look_soon(); },
                    [this](const Error&) {
                        timer_ = loop_.after(look_again, [this] { begin(); });
                    }));
            watches_.push_back(std::move(handle));
        }
        return {};
    }

    // Within an event the watch that brought it must not go.
    void look_soon() {
        timer_ = loop_.after(Duration(0), [this] { look(); });
    }

    void look() {
        const auto job = store_.get(key_);
        if (!job) {
            if (job.error().kind != ErrorKind::not_found) return try_again();
            return finish(fail(ErrorKind::not_found, "the job was removed"));
        }
        if (const auto end = end_of(*job)) {
            using enum MetricSample::Judgement;
            MetricSample sample{
                .judgement = end->is_complete ? successful : failed, .metadata = metadata()};
            if (!end->is_complete) {
                sample.summary = end->message.empty() ? end->reason : end->message;
            }
            return finish(std::move(sample));
        }
        const auto pods = store_.list(
            {.type = &types::pod(),
             .ns = key_.ns,
             .labels = LabelSelector::equal_to({{std::string(label_job_name), key_.name}})});
        if (!pods) return try_again();
        for (const Object& pod : pods->items) {
            std::string problem = image_problem(pod);
            if (problem.empty()) continue;
            static_cast<void>(remove_job(store_, key_));
            return finish(MetricSample{
                .judgement = MetricSample::Judgement::inconclusive,
                .summary = std::move(problem),
                .metadata = metadata()});
        }
    }

    // May end this object, so nothing follows the call of done.
    void finish(Result<MetricSample> sample) {
        watches_.clear();
        const MetricSource::Done call = std::exchange(done_, nullptr);
        if (call) call(std::move(sample));
    }

    EventLoop& loop_;
    ObjectStore& store_;
    const MetricQuery query_;
    const ObjectKey key_;
    MetricSource::Done done_;
    bool was_made_ = false;
    std::vector<std::unique_ptr<WatchHandle>> watches_;
    EventLoop::Watch timer_;
};

}  // namespace

Result<> JobSource::check(const json::Object& config) const {
    const json::Object* spec = json::object(config.if_contains("spec"));
    if (spec == nullptr) return refuse("spec", "missing");
    const json::Array* containers = json::array(json::find(*spec, "/template/spec/containers"));
    if (containers == nullptr || containers->empty())
        return refuse("spec.template.spec.containers", "missing");
    const auto policy = json::text(json::find(*spec, "/template/spec/restartPolicy")).value_or("");
    if (policy != "Never" && policy != "OnFailure")
        return refuse("spec.template.spec.restartPolicy", "expected Never or OnFailure");
    return {};
}

std::unique_ptr<MetricSource::Measurement> JobSource::measure(MetricQuery query, Done done) {
    if (auto checked = check(query.config); !checked) {
        done(std::unexpected(std::move(checked).error()));
        return nullptr;
    }
    return std::make_unique<Following>(loop_, store_, std::move(query), std::move(done));
}

void JobSource::forget(std::string_view ns, const std::map<std::string, std::string>& metadata) {
    const auto name = metadata.find(std::string(job_name));
    if (name == metadata.end()) return;
    const auto removed =
        remove_job(store_, {.type = &types::job(), .ns = std::string(ns), .name = name->second});
    if (!removed)
        log::warning(
            "job_not_removed", {{"job", name->second}, {"error", removed.error().message}});
}

}  // namespace serin::metrics
