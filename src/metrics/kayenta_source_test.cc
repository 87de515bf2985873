#include "metrics/kayenta_source.h"

#include "metrics/requests_source.h"
#include "ports/manual_loop.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>
#include <string>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1'000'000s};

// Answers range queries from series that are functions of time, as Prometheus does.
class Series : public MetricSource {
public:
    Result<> check(const json::Object& config) const override {
        if (!config.contains("query")) return fail(ErrorKind::invalid, "query: missing");
        return {};
    }
    std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override {
        ++asked;
        if (!error.empty()) {
            done(fail(ErrorKind::unavailable, error));
            return nullptr;
        }
        const std::string name(json::text(query.config.if_contains("query")).value_or(""));
        const auto text = [&](const char* pointer) {
            return std::string(json::text(json::find(query.config, pointer)).value_or(""));
        };
        const std::string from = text("/rangeQuery/start");
        const auto covered = std::stoll(from.substr(from.find('\'') + 1));
        const auto step = std::stoll(text("/rangeQuery/step"));
        MetricSample sample{.result = json::Array()};
        if (const auto found = values.find(name); found != values.end()) {
            MetricSeries series;
            for (Instant at = query.now - Duration(covered); at <= query.now; at += Duration(step))
                series.points.emplace_back(at, found->second(at));
            sample.series.push_back(std::move(series));
        }
        done(std::move(sample));
        return nullptr;
    }

    std::map<std::string, std::function<double(Instant)>> values;
    std::string error;
    int asked = 0;
};

constexpr std::string_view config = R"({
    "lifetime": "30m", "interval": "10m", "step": "30s",
    "control": "v1", "experiment": {"scope": "v2"},
    "canaryConfig": {"name": "shop", "classifier": {"groupWeights": {"errors": 100}},
        "metrics": [{"name": "errors", "groups": ["errors"],
            "query": {"type": "prometheus", "customInlineTemplate": "PromQL:errors_${scope}"},
            "analysisConfigurations": {"canary": {"direction": "increase", "critical": true}}}]}})";

double noise(Instant at, std::uint64_t seed) {
    std::mt19937_64 random(seed + std::uint64_t(at.time_since_epoch().count()));
    return std::uniform_real_distribution<>(0, 1)(random);
}

struct World {
    ManualLoop loop{start};
    Series series;
    KayentaSource source{loop, {{"prometheus", &series}}};
    std::optional<Result<MetricSample>> answer;
    std::unique_ptr<MetricSource::Measurement> measurement;
    json::Object fields = json::parse(config)->as_object();

    World() {
        series.values["errors_v1"] = [](Instant at) { return 10 + noise(at, 1); };
        series.values["errors_v2"] = [](Instant at) { return 10 + noise(at, 2); };
    }
    void measure(bool is_beside_steps = false) {
        measurement = source.measure(
            {.config = fields, .started = start, .is_beside_steps = is_beside_steps},
            [this](Result<MetricSample> sample) { answer = std::move(sample); });
    }
    std::string refusal(std::string_view pointer, json::Value value) const {
        json::Object changed = fields;
        json::put(changed, pointer, std::move(value));
        const auto checked = source.check(changed);
        return checked ? "" : checked.error().message;
    }
};

}  // namespace

TEST_CASE("a canary like its baseline passes at the end of its lifetime, not before") {
    World world;
    world.measure();
    world.loop.advance(29min);
    CHECK_FALSE(world.answer);
    CHECK(world.measurement->metadata().at("judgement") == "2 of 3");
    world.loop.advance(1min);
    REQUIRE(world.answer);
    REQUIRE(*world.answer);
    CHECK((*world.answer)->judgement == MetricSample::Judgement::successful);
    CHECK((*world.answer)->value == "100");
    CHECK((*world.answer)->metadata.at("judgement") == "3 of 3");
}

TEST_CASE("a judgement with a low score ends the analysis with the metric and its numbers") {
    World world;
    world.series.values["errors_v2"] = [](Instant at) { return 20 + noise(at, 2); };
    world.measure();
    world.loop.advance(10min);
    REQUIRE(world.answer);
    CHECK((*world.answer)->judgement == MetricSample::Judgement::failed);
    CHECK((*world.answer)->value == "0");
    CHECK((*world.answer)->summary.contains("errors is High"));
    CHECK((*world.answer)->summary.contains("(20 points)"));
}

TEST_CASE("live scores are those of the same series in files") {
    World world;
    // A point is missing, and another is not a number.
    world.series.values["errors_v2"] = [](Instant at) {
        return at == start + 90s ? std::numeric_limits<double>::quiet_NaN() : 10.4 + noise(at, 2);
    };
    world.fields["canaryConfig"]
        .at("metrics")
        .at(0)
        .at("analysisConfigurations")
        .at("canary")
        .as_object()["critical"] = false;
    world.measure();
    world.loop.advance(10min);
    const auto facts = world.answer ? (*world.answer)->metadata : world.measurement->metadata();

    json::Object files;
    for (const auto& [side, query] :
         {std::pair("control", "errors_v1"), {"experiment", "errors_v2"}}) {
        json::Array values;
        for (Instant at = start + 30s; at <= start + 10min; at += 30s) {
            const double value = world.series.values[query](at);
            values.push_back(std::isnan(value) ? json::Value("NaN") : json::Value(value));
        }
        files[side] = json::Array{json::Object{
            {"name", "errors"}, {"tags", json::Object()}, {"values", std::move(values)}}};
    }
    namespace kayenta = judge::kayenta;
    const auto pairs = kayenta::read_pairs(json::Value(files), {"errors"});
    REQUIRE(pairs);
    const auto read = kayenta::read_config(world.fields.at("canaryConfig"));
    const auto report = kayenta::judge_canary(read.config, *pairs, {});
    REQUIRE(report);
    CHECK(facts.at("report") == json::print(kayenta::print_report(*report)));
}

TEST_CASE("beside the steps every judgement may fail it, and none ends it") {
    World world;
    world.measure(true);
    world.loop.advance(60min);
    CHECK_FALSE(world.answer);
    CHECK(world.measurement->last_word()->judgement == MetricSample::Judgement::successful);
    world.series.values["errors_v2"] = [](Instant at) {
        return (at > start + 60min ? 30 : 10) + noise(at, 2);
    };
    world.loop.advance(90min);
    REQUIRE(world.answer);
    CHECK((*world.answer)->judgement == MetricSample::Judgement::failed);
}

TEST_CASE("a look-back forgets, so that a late fault is found") {
    for (const bool looks_back : {true, false}) {
        World world;
        world.fields["lifetime"] = "4h";
        if (looks_back) world.fields["lookback"] = "20m";
        world.series.values["errors_v2"] = [](Instant at) {
            return (at > start + 210min ? 13 : 10) + noise(at, 2);
        };
        world.measure();
        world.loop.advance(231min);
        CHECK(world.answer.has_value() == looks_back);
    }
}

TEST_CASE("a Prometheus that does not answer is asked again, and ends in an error") {
    World world;
    world.series.error = "connection refused";
    world.measure();
    world.loop.advance(10min + 15s);
    CHECK_FALSE(world.answer);
    CHECK(world.measurement->metadata().at("problem").contains("connection refused"));
    SUBCASE("it comes back") {
        world.series.error.clear();
        world.loop.advance(20min);
        REQUIRE(world.answer);
        CHECK((*world.answer)->judgement == MetricSample::Judgement::successful);
    }
    SUBCASE("it does not") {
        world.loop.advance(1min);
        REQUIRE(world.answer);
        CHECK_FALSE(*world.answer);
        CHECK(world.answer->error().message == "errors: connection refused");
    }
}

TEST_CASE("series that are not there are no data, which never passes") {
    World world;
    world.series.values.erase("errors_v2");
    world.measure();
    world.loop.advance(30min);
    REQUIRE(world.answer);
    CHECK((*world.answer)->judgement == MetricSample::Judgement::failed);
    CHECK((*world.answer)->summary.contains("errors is Nodata"));
}

TEST_CASE("after a restart it goes on with the judgement that is due") {
    World world;
    world.measure();
    world.loop.advance(25min);
    world.measurement.reset();
    world.measure();
    world.loop.advance(1s);
    CHECK(world.measurement->metadata().at("judgement") == "2 of 3");
    world.loop.advance(5min);
    REQUIRE(world.answer);
    CHECK((*world.answer)->metadata.at("judgement") == "3 of 3");
}

TEST_CASE("configurations that cannot work are refused with their place") {
    World world;
    CHECK(world.refusal("/lifetime", "1h").empty());
    CHECK(world.refusal("/lifetime", 5).starts_with("lifetime: expected a duration"));
    CHECK(world.refusal("/interval", "2h").starts_with("interval: must be more than 0"));
    CHECK(world.refusal("/step", "20m").starts_with("step: must be at least 1s"));
    CHECK(
        world.refusal("/thresholds", json::Object{{"pass", 10}, {"marginal", 50}}) ==
        "thresholds: marginal must be at most pass");
    CHECK(world.refusal("/experiment", json::Object{{"location", "x"}})
              .contains("${scope} is no parameter of the scope"));
    CHECK(world.refusal("/canaryConfig", "{").starts_with("canaryConfig: "));
    CHECK(world.refusal("/canaryConfig", json::Object{}).starts_with("canaryConfig/metrics: "));
    CHECK(world.refusal("/period", "1m").starts_with("period: unknown field"));
    json::Object datadog = world.fields;
    datadog["canaryConfig"].at("metrics").at(0).at("query").as_object()["type"] = "datadog";
    const auto checked = world.source.check(datadog);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message.contains("'datadog' is not served"));
}

TEST_CASE("without an inline template the query is built as Kayenta builds it") {
    World world;
    auto& query = world.fields["canaryConfig"].at("metrics").at(0).at("query").as_object();
    query = *json::parse(R"j({"type": "prometheus", "metricName": "errors",
        "labelBindings": ["hash=\"${scope}\""], "groupByFields": ["zone"],
        "customFilterTemplate": "tier"})j")
                 ->if_object();
    world.fields["canaryConfig"].as_object()["templates"] = json::Object{{"tier", "tier=\"web\""}};
    const auto spec = judge::kayenta::AnalysisSpec::read(world.fields);
    REQUIRE(spec);
    CHECK(
        json::text(spec->queries[1].config.if_contains("query")) ==
        "avg(errors{hash=\"v2\",tier=\"web\"}) by (zone)");
}

TEST_CASE("requests that Serin sees can be a series of their own, a point a step") {
    ManualLoop loop{start};
    RequestWindows windows(loop);
    RequestsSource requests(loop, windows);
    KayentaSource source(loop, {{"serin/requests", &requests}});
    const auto fields = json::parse(R"({"lifetime": "10m", "step": "10s",
        "control": "v1", "experiment": "v2",
        "canaryConfig": {"name": "shop", "classifier": {"groupWeights": {}},
            "metrics": [{"name": "errors", "groups": ["errors"],
                "query": {"type": "serin/requests", "metric": "error-rate"},
                "analysisConfigurations": {"canary": {"direction": "increase"}}}]}})");
    std::optional<Result<MetricSample>> answer;
    const auto measurement = source.measure(
        {.config = fields->as_object(),
         .ns = "default",
         .started = start,
         .candidate = {.revision = "v2"},
         .stable = {.revision = "v1"}},
        [&](Result<MetricSample> sample) { answer = std::move(sample); });
    std::mt19937_64 random(3);
    for (int i = 0; i < 6000; ++i) {
        for (const char* revision : {"v1", "v2"}) {
            const bool is_failed = random() % 100 < (std::string_view(revision) == "v2" ? 20 : 4);
            const RequestOutcome outcome{
                .at = loop.now(),
                .ns = "default",
                .revision = revision,
                .status = is_failed ? 500 : 200};
            windows.take({&outcome, 1});
        }
        loop.advance(100ms);
    }
    REQUIRE(answer);
    REQUIRE(*answer);
    CHECK((*answer)->judgement == MetricSample::Judgement::failed);
    CHECK((*answer)->summary.contains("errors is High"));
    CHECK((*answer)->summary.contains("(60 points)"));
}
