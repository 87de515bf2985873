#pragma once

#include "control/analysis_spec.h"
#include "judge/run.h"
#include "ports/event_loop.h"
#include "ports/event_recorder.h"
#include "ports/metric_source.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serin::control {

// Sources by the name a metric's provider has: "prometheus", "serin/requests".
using MetricSources = std::map<std::string, MetricSource*, std::less<>>;

// Measures AnalysisRuns: takes each measurement when it is due, judges it, and writes the status
// as Argo Rollouts does, once for each change. A run's state is its status alone; what is in
// flight when the process ends is measured again.
//
// Between two measurements a source may announce news. The controller then looks early, and keeps
// what it sees only if that ends the metric as Failed: passing early looks neither count nor
// replace a measurement, and failures that are to be tolerated keep their interval.
class AnalysisController : public Reconciler {
public:
    // All outlive the controller.
    AnalysisController(
        const Clock& clock, ObjectStore& store, EventRecorder& events, MetricSources sources);
    ~AnalysisController() override;

    std::string_view name() const override { return "analysis"; }
    std::vector<Trigger> triggers() const override;
    void attach(RequestTurn request) override { request_ = std::move(request); }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    struct Live;
    struct Turn;

    Result<CallAgain> measure_run(const ObjectKey& key, const Object& run, judge::RunState state);
    Result<CallAgain> refuse_run(const Object& run, judge::RunState state, const Error& error);
    Result<CallAgain> clean_up(const Object& run, const judge::RunState& state);
    Result<AnalysisSpec> read_spec(const Object& run, const AnalysisArguments& arguments) const;
    Live& live_of(const ObjectKey& key, const Object& run);

    Result<> advance(Turn& turn);
    void take_finished(Turn& turn);
    void show_progress(Turn& turn);
    void warn(
        Turn& turn, const std::string& metric, const std::map<std::string, std::string>& facts);
    void assess(Turn& turn);
    void terminate_lasting(Turn& turn);
    Result<> measure(Turn& turn, const judge::MetricRule& rule, bool is_early);
    void finish(
        const std::weak_ptr<Live>& live, const std::string& metric, judge::Measurement measurement);
    Result<> write(Turn& turn);
    CallAgain prepare_wait(Turn& turn);
    void await_news(Turn& turn, const judge::MetricRule& rule);
    Result<MetricQuery> query_for(
        const Turn& turn, const judge::MetricRule& rule, const AnalysisArguments& arguments) const;
    void fill_arms(const Object& run, MetricQuery& query) const;
    void report_end(const Object& run, judge::Phase phase);

    const Clock& clock_;
    ObjectStore& store_;
    EventRecorder& events_;
    MetricSources sources_;
    RequestTurn request_;
    std::map<ObjectKey, std::shared_ptr<Live>> live_;  // Of runs that are being measured.
};

}  // namespace serin::control
