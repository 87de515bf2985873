#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "ports/object.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin {

// One side of a release, as far as it is known: "" where it is not.
struct MetricArm {
    std::string revision;  // Pod-template hash.
    std::string service;   // The Service that selects this revision alone.
};

// One measurement asked of one provider.
struct MetricQuery {
    std::string provider;  // "prometheus", "web", "job", "serin/requests".
    json::Object config;   // The provider's part of the template, arguments and secrets filled in.
    std::string ns;        // Namespace of the analysis run.
    std::string run;       // Name of the analysis run.
    std::string run_uid;
    std::string metric;
    std::int64_t number = 1;           // Of the measurement within its metric: the same on a retry.
    Instant started;                   // When the metric's run started: nothing before it counts.
    std::optional<Instant> previous;   // When the last measurement of this metric finished.
    std::optional<Duration> interval;  // Of the metric.
    Instant now;
    // What a process that is no more said of this very measurement, if it was begun; see
    // Measurement::metadata.
    std::map<std::string, std::string> begun;
    MetricArm candidate;
    MetricArm stable;
    // What is judged: the Rollout that the run belongs to, else the run itself. What a source keeps
    // of a release is owned by it.
    ObjectKey release;
    std::string release_uid;
    // The run lasts as long as the release goes on, beside its steps: that all is well does not end
    // it.
    bool is_beside_steps = false;
    // A look before the measurement is due: answered at once with what there is. Other measurements
    // may take their time.
    bool is_early = false;
};

// Numbers that belong together, where a provider tells them apart.
struct MetricSeries {
    std::map<std::string, std::string> labels;
    std::vector<std::pair<Instant, double>> points;  // By time.
};

struct MetricSample {
    // As conditions see it in `result`. Null: the provider has no data, which is not a value.
    json::Value result;
    std::string value;  // As stored in the measurement: "[0.97]".
    // What `result` lists, series by series; empty where the provider has none.
    std::vector<MetricSeries> series;
    // Set when there was too little to judge: the measurement is Inconclusive, with this reason.
    std::string no_data_reason;
    // Set by providers that judge by themselves: no condition is asked, and `result` is left out.
    enum class Judgement { successful, failed, inconclusive };
    std::optional<Judgement> judgement;
    // What was measured, for people: "success rate 0.75 over 20 requests in 1.9s". May be empty.
    std::string summary;
    std::map<std::string, std::string> metadata;
    // About the metric rather than this measurement: what was asked for, once filled in.
    std::map<std::string, std::string> metric_metadata;
};

// A place where numbers about the service come from.
class MetricSource {
public:
    virtual ~MetricSource() = default;

    // Destroying it cancels; `done` is then not called. What a lasting one has started in the world
    // goes on, and the same query finds it again: so a restart loses nothing.
    class Measurement {
    public:
        virtual ~Measurement() = default;
        // What a lasting measurement waits for, for people and for forget(): {"job-name": ...}. One
        // without is over soon.
        virtual std::map<std::string, std::string> metadata() const { return {}; }
        // Ends it in the world too. `done` is not called any more.
        virtual void terminate() {}
        // What a lasting measurement has to say when it is ended before its time. Empty: nothing,
        // and it is Inconclusive.
        virtual std::optional<MetricSample> last_word() const { return std::nullopt; }
        // Calls `on_progress` on the event loop, not within another call, when metadata() has
        // changed and people should see it; not more often than they can read.
        virtual void report(std::function<void()> on_progress) { static_cast<void>(on_progress); }
    };
    using Done = std::function<void(Result<MetricSample>)>;

    // Checks a provider's configuration without asking anything of the provider; `invalid` names
    // the field.
    virtual Result<> check(const json::Object& config) const = 0;

    // Calls `done` on the event loop, possibly within this call; then the result may be null.
    [[nodiscard]] virtual std::unique_ptr<Measurement> measure(MetricQuery query, Done done) = 0;

    // The measurement with this metadata, of a run in namespace `ns`, is not kept any more: nor
    // need be what the source keeps of it in the world.
    virtual void forget(std::string_view ns, const std::map<std::string, std::string>& metadata) {
        static_cast<void>(ns);
        static_cast<void>(metadata);
    }

    // Calls `on_news` on the event loop whenever data for the query has arrived that may complete
    // the evidence, so that a verdict need not wait for the interval. Sources that are polled have
    // no news and return null.
    [[nodiscard]] virtual std::unique_ptr<Measurement> watch(
        const MetricQuery& query, std::function<void()> on_news) {
        static_cast<void>(query);
        static_cast<void>(on_news);
        return nullptr;
    }
};

}  // namespace serin
