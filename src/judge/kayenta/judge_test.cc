#include "judge/kayenta/judge.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace serin;
using namespace serin::judge::kayenta;

namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

// Samples of Kayenta's own classifier suite: means 10, 20 (first) and 10, 20 (second).
const std::vector<double> ten{
    9.7767343120109462, 10.587071850477695, 7.8375506388901766, 9.3243326886113884,
    8.3774505409784421, 8.9359264399606282, 8.2707663324728511, 9.7484308126716925,
    11.623746715547156, 9.2753442679633942, 8.1538047749171518, 10.562020975754294,
    13.498135575451835, 11.054419256110332, 6.9538903590055092, 12.521008342195479,
    9.0216358603546443, 4.9234856699531662, 11.251360203607172, 11.598449508040337,
    8.435232204668182,  11.110228516867279, 10.70063380164755,  8.9212773652115249,
    10.086167067942661, 11.42107515483087,  9.3792347813644952, 7.7980320148552593,
    10.62339807275746,  11.909642062063739};
const std::vector<double> control_ten{
    11.1453586774086,   9.9618059885597017, 7.068574306369829,  7.3012661810483657,
    9.7944630265656727, 9.6037918603687302, 6.1867793350339388, 12.345599159550174,
    10.371891733859533, 8.6094300785016724, 9.913162673361084,  10.361375299003466,
    14.206800387518818, 10.946153754753301, 10.215876627044048, 11.739760899484603,
    10.907627468626439, 12.823353694464775, 8.1018609771732137, 8.4981616408804932,
    12.113441374697231, 13.272210809932028, 10.114579381663297, 6.9463958767978067,
    6.2105278541727778, 10.160401684903775, 8.3457712066455461, 8.383822063895833,
    7.0020205070083765, 10.755757401808442};
const std::vector<double> twenty{
    20.878412601720026, 21.78550581191622,  19.70828084717019,  15.859946903461562,
    19.510058772176841, 19.392005525270303, 22.926528314912101, 17.156530276709894,
    18.655117916226171, 23.422607911610392, 24.055817684156644, 22.62689958516501,
    21.979472967817678, 21.659318607218694, 20.067707574072426, 22.119570836305414,
    16.44037132663307,  21.559622826341268, 21.000181443489218, 17.779369411412663,
    17.806006358943584, 18.537200618386109, 20.555550300210797, 19.552928184468378,
    21.771118944087092, 21.809622806176627, 20.961762909905271, 20.977571577503021,
    19.106303205498794, 16.976918966987078};

MetricConfig metric(const char* fields) {
    const auto value = json::parse(fmt::format(
        R"({{"classifier": {{}}, "metrics": [{{"name": "m", "groups": ["g"],
            "analysisConfigurations": {{"canary": {}}}}}]}})",
        fields));
    REQUIRE(value.has_value());
    const ConfigRead read = read_config(*value);
    REQUIRE(read.errors.empty());
    REQUIRE(read.warnings.empty());
    return read.config.metrics.front();
}

Classification classified(
    const std::vector<double>& experiment,
    const std::vector<double>& control,
    const char* fields = "{}") {
    const MetricConfig config = metric(fields);
    return classify(clean(experiment, config), clean(control, config), config);
}

Config config_of(const char* text) {
    const auto value = json::parse(text);
    REQUIRE(value.has_value());
    ConfigRead read = read_config(*value);
    REQUIRE(read.errors.empty());
    return read.config;
}

MetricPair pair(const char* name, std::vector<double> experiment, std::vector<double> control) {
    return {.name = name, .id = "", .tags = {}, .control = control, .experiment = experiment};
}

const std::vector<double> low{1, 2, 3, 4, 5, 6, 7, 8};
const std::vector<double> high{101, 102, 103, 104, 105, 106, 107, 108};

}  // namespace

TEST_CASE("series that are alike, above and below are told apart, in the directions asked for") {
    CHECK(classified(ten, control_ten).label == Label::pass);
    const Classification above = classified(twenty, control_ten);
    CHECK(above.label == Label::high);
    CHECK(above.reason == "m was classified as High");
    CHECK(above.deviation == doctest::Approx(2.06).epsilon(0.02));
    CHECK(classified(twenty, control_ten, R"({"direction": "increase"})").label == Label::high);
    CHECK(classified(twenty, control_ten, R"({"direction": "decrease"})").label == Label::pass);
    CHECK(classified(ten, twenty).label == Label::low);
    CHECK(classified(ten, twenty, R"({"direction": "decrease"})").label == Label::low);
    CHECK(classified(ten, twenty, R"({"direction": "increase"})").label == Label::pass);
}

TEST_CASE("tied and identical series pass") {
    CHECK(classified({1, 1, 1}, {1, 1}).label == Label::pass);
    const Classification identical = classified({1, 2, 3, 4, 5}, {5, 4, 3, 2, 1});
    CHECK(identical.label == Label::pass);
    CHECK(identical.reason.contains("identical"));
    CHECK(classified({0, 1, 1, 1, 1}, {1, 1, 1, 1, 1}).label == Label::pass);
}

TEST_CASE("two different constants differ, and do so again") {
    const std::vector<double> ones(10, 1);
    const std::vector<double> nines(10, 9);
    const Classification first = classified(nines, ones);
    CHECK(first.label == Label::high);
    CHECK(classified(nines, ones).deviation == first.deviation);
    CHECK(first.deviation == doctest::Approx(9).epsilon(1e-3));
    // Zeros stay zeros, so no ratio can be given; it does not stand in the way.
    const Classification from_zero = classified(nines, std::vector<double>(10, 0));
    CHECK(from_zero.label == Label::high);
    CHECK(std::isnan(from_zero.deviation));
}

TEST_CASE("what a metric without data means is configured") {
    CHECK(classified({}, {1, 2}).label == Label::no_data);
    CHECK_FALSE(classified({absent}, {1, 2}).is_critical);
    CHECK(classified({absent}, {1, 2}, R"({"critical": true})").is_critical);
    CHECK(classified({absent}, {1, 2}, R"({"mustHaveData": true})").label == Label::no_data_fail);
    const Classification both =
        classified({absent}, {1, 2}, R"({"mustHaveData": true, "critical": true})");
    CHECK(both.label == Label::no_data);
    CHECK(both.is_critical);
    CHECK(classified({}, {1, 2}, R"({"nanStrategy": "replace"})").label == Label::pass);
}

TEST_CASE("cleaning drops NaN or makes it 0, and cuts at most the last hundredths") {
    MetricConfig config;
    CHECK(clean(std::vector<double>{1, absent, 3}, config) == std::vector<double>{1, 3});
    config.replaces_nan = true;
    CHECK(clean(std::vector<double>{1, absent, 3}, config) == std::vector<double>{1, 0, 3});
    config.removes_outliers = true;
    CHECK(
        clean(std::vector<double>{21, 20, 25, 24, 23, 22, 100}, config) ==
        std::vector<double>{21, 20, 25, 24, 23, 22});
    config.outlier_factor = 40;
    CHECK(clean(std::vector<double>{21, 20, 25, 24, 23, 22, 100}, config).size() == 7);
    CHECK(percentile(std::vector<double>{1, 2, 3, 4}, 0.25) == 1.75);  // R's type 7.
    CHECK(percentile(std::vector<double>{1, 2, 3, 4}, 1) == 4);
    const Summary summary = summarise(std::vector<double>{1, 2, 3, 4});
    CHECK(summary.mean == 2.5);
    CHECK(summary.deviation == doctest::Approx(1.2909944487358056));
}

TEST_CASE("an effect below what is allowed passes, and only a critical one is critical") {
    CHECK(
        classified(twenty, control_ten, R"({"effectSize": {"allowedIncrease": 3}})").label ==
        Label::pass);
    CHECK(
        classified(ten, twenty, R"({"effectSize": {"allowedDecrease": 0.3}})").label ==
        Label::pass);
    const Classification mild = classified(
        twenty,
        control_ten,
        R"({"critical": true, "effectSize": {"allowedIncrease": 1.1, "criticalIncrease": 5}})");
    CHECK(mild.label == Label::high);
    CHECK_FALSE(mild.is_critical);
    CHECK(classified(twenty, control_ten, R"({"critical": true})").is_critical);
    CHECK(classified(ten, twenty, R"({"critical": true})").is_critical);
    const char* const cles = R"({"effectSize": {"measure": "cles", "allowedIncrease": 0.9}})";
    CHECK(classified(twenty, control_ten, cles).label == Label::high);
}

TEST_CASE("groups are scored and weighted") {
    const Config config = config_of(R"({
        "metrics": [{"name": "a", "groups": ["one"]}, {"name": "b", "groups": ["one"]},
                    {"name": "c", "groups": ["two"]}],
        "classifier": {"groupWeights": {"one": 75, "two": 25}}})");
    const auto report = judge_canary(
        config,
        {pair("a", low, low), pair("b", low, low), pair("c", high, low)},
        {.pass = 75, .marginal = 50});
    REQUIRE(report.has_value());
    CHECK(report->score == 75);
    CHECK(report->verdict == Verdict::pass);
    const auto other = judge_canary(
        config,
        {pair("a", low, low), pair("b", high, low), pair("c", high, low)},
        {.pass = 75, .marginal = 37.5});
    CHECK(other->score == 37.5);
    CHECK(other->verdict == Verdict::marginal);
}

TEST_CASE("groups without a weight share what is left, and scores round to hundredths") {
    const Config config = config_of(R"({
        "metrics": [{"name": "a", "groups": ["one"]}, {"name": "b", "groups": ["one"]},
                    {"name": "c", "groups": ["one"]}, {"name": "d", "groups": ["two", "three"]}],
        "classifier": {"groupWeights": {"two": 50, "unused": 20}}})");
    const auto report = judge_canary(
        config,
        {pair("a", low, low), pair("b", high, low), pair("c", low, high), pair("d", low, low)},
        {});
    // two: 50 of 50; one: a third of 15; three: 15 of 15. The 20 of "unused" are lost.
    CHECK(report->score == 70);
    const auto thirds = judge_canary(
        config_of(R"({"metrics": [{"name": "a", "groups": ["g"]}, {"name": "b", "groups": ["g"]},
                                  {"name": "c", "groups": ["g"]}], "classifier": {}})"),
        {pair("a", low, low), pair("b", low, low), pair("c", low, high)},
        {});
    CHECK(thirds->score == 66.67);
    CHECK(thirds->verdict == Verdict::fail);
}

TEST_CASE("a critical failure, or too little data, is a score of 0") {
    const Config config = config_of(R"({
        "metrics": [{"name": "a", "groups": ["g"]},
                    {"name": "b", "groups": ["g"],
                     "analysisConfigurations": {"canary": {"critical": true}}},
                    {"name": "c", "groups": ["g"],
                     "analysisConfigurations": {"canary": {"critical": true, "muted": true}}}],
        "classifier": {}})");
    const auto failed = judge_canary(config, {pair("a", low, low), pair("b", high, low)}, {});
    CHECK(failed->score == 0);
    CHECK(failed->reason.contains("critical metric b"));
    const auto muted = judge_canary(config, {pair("a", low, low), pair("c", high, low)}, {});
    CHECK(muted->score == 100);
    const auto empty = judge_canary(config, {pair("a", low, low), pair("a", {}, {})}, {});
    CHECK(empty->score == 0);
    CHECK(empty->reason.contains("1 of 2"));
    const auto mostly =
        judge_canary(config, {pair("a", low, low), pair("a", low, low), pair("a", {}, low)}, {});
    CHECK(mostly->score == 100);
    CHECK(judge_canary(config, {}, {})->reason == "No metric was judged");
    CHECK_FALSE(judge_canary(config, {pair("x", low, low)}, {}).has_value());
}

TEST_CASE("a report has the shape of Kayenta's") {
    const Config config =
        config_of(R"({"metrics": [{"name": "a", "groups": ["g"]}], "classifier": {}})");
    const auto report = judge_canary(config, {pair("a", high, low)}, {});
    const json::Value value = print_report(*report);
    CHECK(json::text(json::find(value, "/judgeName")) == "NetflixACAJudge-v1.0");
    CHECK(json::text(json::find(value, "/score/classification")) == "Fail");
    CHECK(json::text(json::find(value, "/results/0/classification")) == "High");
    CHECK(json::number(json::find(value, "/results/0/experimentMetadata/stats/mean")) == 104.5);
    CHECK(json::number(json::find(value, "/groupScores/0/score")) == 0);
}

TEST_CASE("a configuration's mistakes are named with their places, all at once") {
    const auto value = json::parse(R"({
        "judge": {"name": "dredd-v1.0"},
        "metrics": [
            {"name": "a", "groups": "g",
             "analysisConfigurations": {"canary": {"critical": "true", "direction": "up",
                                                   "nanstrategy": "remove",
                                                   "outliers": {"outlierFactor": "3"}}}},
            {"groups": []}]})");
    const ConfigRead read = read_config(*value);
    std::string errors;
    for (const Problem& problem : read.errors) errors += problem.pointer + " ";
    CHECK(errors.contains("/judge/name"));
    CHECK(errors.contains("/metrics/0/groups"));
    CHECK(errors.contains("/metrics/0/analysisConfigurations/canary/critical"));
    CHECK(errors.contains("/metrics/0/analysisConfigurations/canary/outliers/outlierFactor"));
    CHECK(errors.contains("/metrics/1/name"));
    CHECK(errors.contains("/classifier"));
    std::string warnings;
    for (const Problem& problem : read.warnings) warnings += problem.pointer + " ";
    CHECK(warnings.contains("/canary/direction"));
    CHECK(warnings.contains("/canary/nanstrategy"));
}

TEST_CASE("both sides' series are paired by their tags") {
    const auto value = json::parse(R"({
        "control": [{"name": "m", "tags": {"zone": "a"}, "values": [1, 2, 3]},
                    {"name": "m", "tags": {"zone": "b"}, "values": [4, null, "NaN", 5]},
                    {"name": "n", "startTimeMillis": 0, "endTimeMillis": 300, "stepMillis": 100,
                     "values": []}],
        "experiment": [{"name": "m", "tags": {"zone": "b"}, "values": [7]},
                       {"name": "n", "tags": {"zone": "c"}, "values": [1, 2]}]})");
    const auto pairs = read_pairs(*value, {"m", "n"});
    REQUIRE(pairs.has_value());
    REQUIRE(pairs->size() == 3);
    CHECK((*pairs)[0].tags.at("zone") == "a");
    CHECK((*pairs)[0].experiment.size() == 3);
    CHECK(std::isnan((*pairs)[0].experiment[0]));
    CHECK((*pairs)[1].experiment.size() == 4);
    CHECK((*pairs)[1].experiment[0] == 7);
    CHECK(std::isnan((*pairs)[1].experiment[3]));
    CHECK((*pairs)[2].tags.at("zone") == "c");
    CHECK(std::isnan((*pairs)[2].control[0]));

    const auto missing = read_pairs(*value, {"m", "x"});
    CHECK(missing.error().message.contains("control has no metric set 'x'"));
    const auto keys = json::parse(R"({
        "control": [{"name": "m", "tags": {"zone": "a"}, "values": [1]}],
        "experiment": [{"name": "m", "tags": {"region": "a"}, "values": [1]}]})");
    CHECK(read_pairs(*keys, {"m"}).error().message.contains("different tag keys"));
    const auto text =
        json::parse(R"([{"name": "m", "values": {"control": [1, "two"], "experiment": []}}])");
    CHECK(read_pairs(*text, {}).error().message.starts_with("[0].values.control[1]"));
}
