#include "metrics/job.h"
#include "ports/job.h"

#include <doctest/doctest.h>

#include "analysis_world.h"

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view smoke = R"({"metrics": [{"name": "Smoke test", "provider": {"job": {
    "metadata": {"labels": {"team": "shop"}, "annotations": {"note": "x"}},
    "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "main", "image": "smoke:v1"}]}}}}}}]})";

// The analysis controller with the real job source; the test plays whoever runs Jobs.
struct JobWorld : AnalysisWorld {
    metrics::JobSource jobs{loop, own};

    JobWorld() { restart(); }
    ~JobWorld() {
        manager.reset();
        controller.reset();
    }
    JobWorld(const JobWorld&) = delete;
    JobWorld& operator=(const JobWorld&) = delete;

    void restart() {
        manager.reset();
        controller.reset();
        ground->restart();
        controller = std::make_unique<AnalysisController>(
            loop, own, events, MetricSources{{"test", &source}, {"job", &jobs}});
        manager = std::make_unique<Manager>(
            loop,
            own,
            std::vector<Reconciler*>{controller.get()},
            ManagerSettings{.resync = Duration(0)});
        manager->start();
        settle();
    }
    void settle() { advance(Duration(1)); }

    std::vector<Object> all_jobs() const {
        return store.list({.type = &types::job()}).value().items;
    }
    void end_job(const Object& job, std::string_view type, std::string_view message = "") {
        Object changed = store.get(job.key()).value();
        changed.put(
            "/status/conditions",
            json::Array{json::Object{{"type", type}, {"status", "True"}, {"message", message}}});
        REQUIRE(store.update(std::move(changed), Part::status));
        settle();
    }
    void start(std::string_view spec) {
        create(spec);
        settle();
    }
};

}  // namespace

TEST_CASE("a job metric is a Job with Argo's name, labels and annotations") {
    JobWorld world;
    world.start(smoke);
    REQUIRE(world.all_jobs().size() == 1);
    const Object job = world.all_jobs().front();
    const std::string uid(world.run().uid());
    CHECK(job.name() == uid + ".smoke-test.1");
    CHECK(job.controller_uid() == uid);
    CHECK(job.label("team") == "shop");
    CHECK(job.label("analysisrun.argoproj.io/uid") == uid);
    CHECK(job.annotation("note") == "x");
    CHECK(job.annotation("analysisrun.argoproj.io/name") == "run");
    CHECK(job.annotation("analysisrun.argoproj.io/metric-name") == "Smoke test");
    CHECK(job.text("/spec/template/metadata/labels/analysisrun.argoproj.io~1uid") == uid);

    CHECK(world.phase() == "Running");
    const Object run = world.run();
    CHECK(run.text("/status/metricResults/0/measurements/0/phase") == "Running");
    CHECK(run.text("/status/metricResults/0/measurements/0/metadata/job-name") == job.name());
    CHECK(run.text("/status/metricResults/0/measurements/0/metadata/job-namespace") == world.ns);
}

TEST_CASE("the end of the Job is the verdict") {
    JobWorld world;
    world.start(smoke);
    const Object job = world.all_jobs().front();
    SUBCASE("complete") {
        world.end_job(job, "Complete");
        CHECK(world.phase() == "Successful");
    }
    SUBCASE("failed") {
        world.end_job(job, "Failed", "Job has reached the specified backoff limit");
        CHECK(world.phase() == "Failed");
        CHECK(
            world.message() ==
            "Metric \"Smoke test\" assessed Failed due to failed (1) > failureLimit (0): \"Error "
            "Message: Job has reached the specified backoff limit\"");
    }
    const Object run = world.run();
    const json::Array* measurements = json::array(run.find("/status/metricResults/0/measurements"));
    REQUIRE(measurements != nullptr);
    CHECK(measurements->size() == 1);
    CHECK(run.text("/status/metricResults/0/measurements/0/metadata/job-name") == job.name());
    CHECK(world.all_jobs().size() == 1);  // Kept with its logs while the measurement is.
}

TEST_CASE("a Job whose image is not there says nothing about the release") {
    JobWorld world;
    world.start(smoke);
    const Object job = world.all_jobs().front();
    Object pod(types::pod(), world.ns, "smoke-x");
    pod.set_label("job-name", job.name());
    pod.put("/spec/containers", parsed(R"([{"name": "main", "image": "smoke:v1"}])"));
    pod.set_controller(job);
    Object made = world.add(pod);
    made.put("/status/containerStatuses", parsed(R"([{"name": "main", "state": {"waiting":
        {"reason": "ErrImagePull", "message": "no folder images/smoke/v1"}}}])"));
    REQUIRE(world.store.update(std::move(made), Part::status));
    world.settle();
    CHECK(world.phase() == "Inconclusive");
    CHECK(world.message().contains("container main: ErrImagePull: no folder images/smoke/v1"));
    CHECK(world.all_jobs().empty());
}

TEST_CASE("a restart finds the Job it had begun") {
    JobWorld world;
    world.start(smoke);
    const Object job = world.all_jobs().front();
    world.restart();
    REQUIRE(world.all_jobs().size() == 1);
    CHECK(world.all_jobs().front().uid() == job.uid());
    world.end_job(job, "Complete");
    CHECK(world.phase() == "Successful");
    CHECK(world.run().integer("/status/metricResults/0/count") == 1);
}

TEST_CASE("a Job that ended while nobody looked counts once") {
    JobWorld world;
    world.start(smoke);
    const Object job = world.all_jobs().front();
    world.manager.reset();
    world.controller.reset();
    world.end_job(job, "Complete");
    world.restart();
    world.settle();
    CHECK(world.phase() == "Successful");
    CHECK(world.run().integer("/status/metricResults/0/count") == 1);
}

TEST_CASE("a run that is terminated takes its Job along and could not tell") {
    JobWorld world;
    world.start(smoke);
    SUBCASE("by the process that began it") {}
    SUBCASE("after a restart") {
        world.manager.reset();
        world.controller.reset();
    }
    REQUIRE(world.store.patch(
        world.key(), PatchKind::merge, parsed(R"({"spec": {"terminate": true}})")));
    world.restart();
    CHECK(world.phase() == "Inconclusive");
    CHECK(
        world.run().text("/status/metricResults/0/measurements/0/message") == "Metric Terminated");
    CHECK(world.all_jobs().empty());
}

TEST_CASE("a sibling that fails ends the Job") {
    JobWorld world;
    world.source.answer(1);
    world.source.answer(0);
    world.start(R"({"metrics": [
        {"name": "m", "interval": "10s", "successCondition": "result[0] > 0",
         "provider": {"plugin": {"test": {}}}},
        {"name": "smoke", "provider": {"job": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": "a:b"}]}}}}}}]})");
    REQUIRE(world.all_jobs().size() == 1);
    world.advance(10s);
    world.settle();
    CHECK(world.phase() == "Failed");
    CHECK(world.all_jobs().empty());
}

TEST_CASE("Jobs of measurements that are not kept go") {
    JobWorld world;
    world.start(R"({"measurementRetention": [{"metricName": "smoke", "limit": 2}], "metrics": [
        {"name": "smoke", "interval": "10s", "count": 4, "provider": {"job": {"spec": {"template":
            {"spec": {"restartPolicy": "Never",
                      "containers": [{"name": "main", "image": "a:b"}]}}}}}}]})");
    for (int i = 0; i < 4; ++i) {
        for (const Object& job : world.all_jobs()) {
            if (!end_of(job)) world.end_job(job, "Complete");
        }
        world.advance(10s);
        world.settle();
    }
    CHECK(world.phase() == "Successful");
    const std::vector<Object> left = world.all_jobs();
    REQUIRE(left.size() == 2);
    CHECK(left.front().name().ends_with(".smoke.3"));
    CHECK(left.back().name().ends_with(".smoke.4"));
}

TEST_CASE("a Job that somebody removed is an error and is tried again") {
    JobWorld world;
    world.start(smoke);
    REQUIRE(world.store.remove(world.all_jobs().front().key()));
    world.settle();
    CHECK(world.phase() == "Running");
    CHECK(world.run().integer("/status/metricResults/0/error") == 1);
    world.advance(10s);
    world.settle();
    REQUIRE(world.all_jobs().size() == 1);
    CHECK(world.all_jobs().front().name().ends_with(".2"));
}

TEST_CASE("a Job whose beginning could not be written is told of by the next turn") {
    JobWorld world;
    int writes = 0;  // Of the run: its creation, then its status.
    world.ground->set_faults([&](const ObjectKey& key) -> std::optional<store::WriteFault> {
        if (key.type != &types::analysis_run() || ++writes != 2) return std::nullopt;
        return store::WriteFault{{ErrorKind::conflict, "somebody else was first"}};
    });
    world.start(smoke);
    world.advance(1s);
    REQUIRE(writes > 2);
    const Object job = world.all_jobs().front();
    CHECK(
        world.run().text("/status/metricResults/0/measurements/0/metadata/job-name") == job.name());
    world.end_job(job, "Complete");
    CHECK(world.phase() == "Successful");
    CHECK(world.run().find("/status/metricResults/0/measurements/1") == nullptr);
}
