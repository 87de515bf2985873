// Analysis runs that a person starts, without a release.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::string phase_of(const Machine& machine, const std::string& run) {
    return std::string(
        json::text(json::find(machine.get("analysisrun", run), "/status/phase")).value_or(""));
}

void add_templates(const Machine& machine) {
    write_file(machine.manifests() + "/6-version.yaml", R"(apiVersion: argoproj.io/v1alpha1
kind: ClusterAnalysisTemplate
metadata: {name: version}
spec:
  args:
    - name: url
    - {name: wanted, value: v1}
  metrics:
    - name: version
      interval: "{{args.every}}"
      count: "{{args.times}}"
      successCondition: result == "{{args.wanted}}"
      provider:
        web:
          url: "{{args.url}}/version"
          jsonPath: "{$.version}"
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: often}
spec:
  args:
    - {name: every, value: 1s}
    - {name: times, value: "2"}
  templates: [{templateName: version, clusterScope: true}]
)");
}

}  // namespace

TEST_CASE("a person measures what templates say, and ends what takes too long") {
    Machine machine;
    add_templates(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));

    const auto create = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"create", "analysisrun"});
        return machine.serin(words);
    };
    const Ran unresolved = create({"--from", "often"});
    CHECK(unresolved.code == 1);
    CHECK(unresolved.err.contains("args.url was not resolved"));
    CHECK(create({"--from", "often", "-a", "url=x", "-a", "color=red"})
              .err.contains("template 'often' has no argument 'color'"));
    CHECK(create({"--from", "none"}).code == 5);

    const std::string url = "url=" + machine.url();
    const Ran good = create({"--from", "often", "--name", "good", "-a", url});
    CHECK(good.out == "analysisrun.argoproj.io/good created\n");
    CHECK(wait_until(30s, [&] { return phase_of(machine, "good") == "Successful"; }));
    const Ran bad = create({"--from", "often", "--name", "bad", "-a", url, "-a", "wanted=v9"});
    CHECK(bad.code == 0);
    CHECK(wait_until(30s, [&] { return phase_of(machine, "bad") == "Failed"; }));

    const Ran global = create(
        {"--from",
         "version",
         "--global",
         "--name",
         "long",
         "-a",
         url,
         "-a",
         "every=1s",
         "-a",
         "times=1000"});
    CHECK(global.code == 1);  // The template alone does not declare them.
    REQUIRE(create({"--from", "often", "--name", "long", "-a", url, "-a", "times=1000"}).code == 0);
    CHECK(wait_until(30s, [&] { return phase_of(machine, "long") == "Running"; }));
    CHECK(
        machine.serin({"terminate", "analysisrun", "long"}).out ==
        "analysisRun 'long' terminated\n");
    CHECK(wait_until(30s, [&] { return phase_of(machine, "long") == "Successful"; }));
    CHECK(
        json::text(json::find(machine.get("analysisrun", "long"), "/status/message")) ==
        "Run Terminated");
    CHECK(machine.serin({"terminate", "rollout", "shop"}).code == 1);
}

}  // namespace serin::e2e
