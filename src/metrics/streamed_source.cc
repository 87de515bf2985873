#include "metrics/streamed_source.h"

#include <utility>

namespace serin::metrics {

namespace {

constexpr Duration look_every{1'000};

}  // namespace

// A measurement that ends when the stream breaks.
class StreamedSource::Watched : public Measurement {
public:
    Watched(EventLoop& loop, const Stream& stream, Done done)
        : loop_(loop), stream_(stream), done_(std::move(done)) {}

    // False when there is nothing left to wait for.
    bool begin(MetricSource& source, MetricQuery query) {
        auto measured = source.measure(
            std::move(query), [this](Result<MetricSample> sample) { finish(std::move(sample)); });
        if (!done_ || !measured) return false;
        inner_ = std::move(measured);
        look_later();
        return true;
    }

    std::map<std::string, std::string> metadata() const override { return inner_->metadata(); }
    void terminate() override {
        timer_.reset();
        done_ = nullptr;
        inner_->terminate();
    }
    std::optional<MetricSample> last_word() const override { return inner_->last_word(); }
    void report(std::function<void()> on_progress) override {
        inner_->report(std::move(on_progress));
    }

private:
    void look_later() {
        timer_ = loop_.after(look_every, [this] { look(); });
    }

    // May end this object's use, so nothing follows the call of done.
    void look() {
        std::string trouble = stream_.trouble();
        if (trouble.empty()) return look_later();
        auto said = inner_->last_word();
        const bool has_failed = said && said->judgement == MetricSample::Judgement::failed;
        inner_->terminate();
        if (has_failed) return finish(*std::move(said));
        finish(fail(ErrorKind::unavailable, std::move(trouble)));
    }

    void finish(Result<MetricSample> sample) {
        timer_.reset();
        if (const Done done = std::exchange(done_, nullptr)) done(std::move(sample));
    }

    EventLoop& loop_;
    const Stream& stream_;
    Done done_;
    std::unique_ptr<Measurement> inner_;
    EventLoop::Watch timer_;
};

std::unique_ptr<MetricSource::Measurement> StreamedSource::measure(MetricQuery query, Done done) {
    if (stream_.is_needed && !stream_.is_needed(query.config)) {
        return source_.measure(std::move(query), std::move(done));
    }
    if (std::string trouble = stream_.trouble(); !trouble.empty()) {
        done(fail(ErrorKind::unavailable, std::move(trouble)));
        return nullptr;
    }
    auto watched = std::make_unique<Watched>(loop_, stream_, std::move(done));
    if (!watched->begin(source_, std::move(query))) return nullptr;
    return watched;
}

}  // namespace serin::metrics
