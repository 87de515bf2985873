#include "sim/source.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace serin::sim {

namespace {

using std::chrono::seconds;

// A timer of the loop, as what a measurement or a watch holds.
class Pending : public MetricSource::Measurement {
public:
    explicit Pending(EventLoop::Watch timer) : timer_(std::move(timer)) {}

private:
    EventLoop::Watch timer_;
};

MetricSample sample_of(double rate) {
    return {.result = json::Array{rate}, .value = fmt::format("[{:.4f}]", rate)};
}

}  // namespace

Result<> Source::check(const json::Object& /*config*/) const {
    return {};
}

double Source::rate_of(const std::string& revision) {
    if (stage_.current(What::metric_noisy)) {
        stage_.reach(What::metric_noisy);
        return static_cast<double>(random_.between(850, 1000)) / 1000;
    }
    const std::string group = std::string(rollout_name) + "-" + revision;
    const auto set = stage_.store.get(stage_.key(types::replica_set(), group));
    const bool is_wrong = set && stage_.is_image(What::wrong_image, image_of(*set));
    if (is_wrong) stage_.reach(What::wrong_image);
    return is_wrong ? 0.8 : 0.999;
}

Result<MetricSample> Source::answer(const MetricQuery& query) {
    if (stage_.current(What::metric_error)) {
        stage_.reach(What::metric_error);
        return fail(ErrorKind::unavailable, "no answer");
    }
    if (stage_.current(What::metric_silent)) {
        stage_.reach(What::metric_silent);
        return MetricSample{.no_data_reason = "no requests in the window"};
    }
    if (stage_.current(What::metric_nan)) {
        stage_.reach(What::metric_nan);
        return sample_of(std::numeric_limits<double>::quiet_NaN());
    }
    ++given_[query.run];
    return sample_of(rate_of(query.candidate.revision));
}

std::unique_ptr<MetricSource::Measurement> Source::measure(MetricQuery query, Done done) {
    const Happening* late = stage_.current(What::metric_late);
    if (!late || query.is_early) {
        done(answer(query));
        return nullptr;
    }
    stage_.reach(What::metric_late);
    const Duration delay = random_.duration(Duration(1), seconds(late->number));
    return std::make_unique<Pending>(stage_.loop.after(
        delay, [this, query = std::move(query), done = std::move(done)] { done(answer(query)); }));
}

std::unique_ptr<MetricSource::Measurement> Source::watch(
    const MetricQuery& /*query*/, std::function<void()> on_news) {
    return std::make_unique<Pending>(
        stage_.loop.after(random_.duration(seconds(1), seconds(60)), std::move(on_news)));
}

int Source::values_given(const std::string& run) const {
    const auto found = given_.find(run);
    return found == given_.end() ? 0 : found->second;
}

}  // namespace serin::sim
