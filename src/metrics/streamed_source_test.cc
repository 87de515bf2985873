#include "metrics/streamed_source.h"

#include "ports/manual_loop.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <utility>

namespace serin::metrics {
namespace {

using namespace std::chrono_literals;

// Lasts until the test ends it.
struct Lasting : MetricSource {
    struct Held : Measurement {
        explicit Held(Lasting& of) : source(of) {}
        ~Held() override { source.held = nullptr; }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        std::optional<MetricSample> last_word() const override { return source.said; }
        void terminate() override { source.is_terminated = true; }
        Lasting& source;
    };
    Result<> check(const json::Object& /*config*/) const override { return {}; }
    std::unique_ptr<Measurement> measure(MetricQuery /*query*/, Done on_done) override {
        if (answers_at_once) {
            on_done(MetricSample{.value = "1"});
            return nullptr;
        }
        done = std::move(on_done);
        auto made = std::make_unique<Held>(*this);
        held = made.get();
        return made;
    }
    bool answers_at_once = false;
    Done done;
    Held* held = nullptr;
    std::optional<MetricSample> said;
    bool is_terminated = false;
};

struct World {
    ManualLoop loop;
    Lasting inner;
    std::string trouble;
    StreamedSource source{
        loop,
        inner,
        {.trouble = [this] { return trouble; },
         .is_needed = [](const json::Object& config) { return !config.contains("counters"); }}};
    std::optional<Result<MetricSample>> answer;
    std::unique_ptr<MetricSource::Measurement> measurement;

    void measure(json::Object config = {}) {
        answer.reset();
        measurement = source.measure(
            {.config = std::move(config)},
            [this](Result<MetricSample> sample) { answer = std::move(sample); });
    }
};

}  // namespace

TEST_CASE("without a stream nothing is measured but what needs none") {
    World world;
    world.inner.answers_at_once = true;
    world.trouble = "no gateway";
    world.measure();
    REQUIRE(world.answer);
    CHECK_FALSE(world.measurement);
    CHECK(world.answer->error().message == "no gateway");

    world.measure({{"counters", true}});
    REQUIRE(world.answer);
    CHECK(world.answer->has_value());

    world.trouble.clear();
    world.measure();
    REQUIRE(world.answer);
    CHECK(world.answer->has_value());
}

TEST_CASE("a stream that breaks ends what is being measured with an error") {
    World world;
    world.measure();
    REQUIRE(world.measurement);
    world.loop.advance(5s);
    CHECK_FALSE(world.answer);
    world.trouble = "torn";
    world.loop.advance(1s);
    REQUIRE(world.answer);
    CHECK(world.answer->error().message == "torn");
    CHECK(world.inner.is_terminated);
}

TEST_CASE("what has failed before the stream broke has failed") {
    World world;
    world.measure();
    world.inner.said = MetricSample{.judgement = MetricSample::Judgement::failed};
    world.trouble = "torn";
    world.loop.advance(1s);
    REQUIRE(world.answer);
    CHECK(world.answer->value().judgement == MetricSample::Judgement::failed);

    // What looked good up to there is no good news.
    world.trouble.clear();
    world.inner.said = MetricSample{.judgement = MetricSample::Judgement::successful};
    world.measure();
    world.trouble = "torn";
    world.loop.advance(1s);
    REQUIRE(world.answer);
    CHECK_FALSE(world.answer->has_value());
}

}  // namespace serin::metrics
