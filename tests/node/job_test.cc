#include "ports/job.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"

namespace serin::node {

namespace {

const ObjectKey key{.type = &types::job(), .ns = "default", .name = "smoke"};

Object make_job(
    World& world, const std::string& image, const std::string& more, const char* policy = "Never") {
    return world.apply(fmt::format(
        R"({{"apiVersion": "batch/v1", "kind": "Job", "metadata": {{"name": "smoke"}},
             "spec": {{{} "template": {{"metadata": {{"labels": {{"app": "smoke"}}}}, "spec": {{
                 "restartPolicy": "{}",
                 "containers": [{{"name": "main", "image": "{}"}}]}}}}}}}})",
        more,
        policy,
        image));
}

Object job_of(World& world) {
    return world.store.get(key).value_or(Object());
}

std::optional<JobEnd> end(World& world) {
    return end_of(job_of(world));
}

}  // namespace

TEST_CASE("a job runs its pod to the end and is complete") {
    World world;
    world.make_image("ok", "v1", "echo all well");
    world.start_node();
    make_job(world, "ok:v1", "");
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(end(world)->is_complete);
    const Object job = job_of(world);
    CHECK(job.integer("/status/succeeded") == 1);
    CHECK(job.integer("/status/active") == 0);
    CHECK(job.find("/status/startTime") != nullptr);
    CHECK(job.find("/status/completionTime") != nullptr);
    REQUIRE(world.pods().size() == 1);
    const Object pod = world.pods().front();
    CHECK(pod.label("job-name") == "smoke");
    CHECK(pod.label("app") == "smoke");
    CHECK(pod.controller_uid() == job.uid());
    CHECK(pod.text("/status/phase") == "Succeeded");
    CHECK(world.log({.ns = "default", .pod = std::string(pod.name())}).contains("all well"));
}

TEST_CASE("a job that fails is tried again until its limit, later each time") {
    World world;
    world.make_image("bad", "v1", "exit 3");
    world.start_node();
    const Instant begun = world.loop.now();
    make_job(world, "bad:v1", R"("backoffLimit": 2,)");
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(
        *end(world) ==
        JobEnd{
            .is_complete = false,
            .reason = "BackoffLimitExceeded",
            .message = "Job has reached the specified backoff limit: container main exited with "
                       "code 3"});
    CHECK(world.pods().size() == 3);
    CHECK(job_of(world).integer("/status/failed") == 3);
    CHECK(world.loop.now() - begun >= std::chrono::seconds(30));  // 10 s, then 20 s.
}

TEST_CASE("without retries the first failure is the end") {
    World world;
    world.make_image("bad", "v1", "exit 3");
    world.start_node();
    make_job(world, "bad:v1", R"("backoffLimit": 0,)");
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(end(world)->reason == "BackoffLimitExceeded");
    CHECK(world.pods().size() == 1);
}

TEST_CASE("with OnFailure the same pod starts its container again") {
    World world;
    world.make_image(
        "second",
        "v1",
        "[ -e " + world.folder + "/tried ] && exit 0; touch " + world.folder + "/tried; exit 1");
    world.start_node();
    make_job(world, "second:v1", "", "OnFailure");
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(end(world)->is_complete);
    REQUIRE(world.pods().size() == 1);
    CHECK(world.pods().front().integer("/status/containerStatuses/0/restartCount") == 1);
}

TEST_CASE("a job ends at its deadline, and its process with it") {
    World world;
    world.make_image("slow", "v1", "exec sleep 1000");
    world.start_node();
    make_job(world, "slow:v1", R"("activeDeadlineSeconds": 60,)");
    const auto pid = [&] {
        return world.pods().empty() ? 0 : world.pid(std::string(world.pods().front().name()));
    };
    REQUIRE(world.until([&] { return pid() != 0; }));
    const pid_t process = pid();
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(end(world)->reason == "DeadlineExceeded");
    CHECK(world.until_in_time([&] { return !is_alive(process); }));
}

TEST_CASE("removing a job ends its process") {
    World world;
    world.make_image("slow", "v1", "exec sleep 1000");
    world.start_node();
    make_job(world, "slow:v1", "");
    const auto pid = [&] {
        return world.pods().empty() ? 0 : world.pid(std::string(world.pods().front().name()));
    };
    REQUIRE(world.until([&] { return pid() != 0; }));
    const pid_t process = pid();
    REQUIRE(world.store.remove(key));
    CHECK(world.until_in_time([&] { return !is_alive(process) && world.pods().empty(); }));
}

TEST_CASE("a restart of Serin runs nothing twice") {
    World world;
    world.make_image("slow", "v1", "echo once >> " + world.folder + "/runs; exec sleep 1000");
    world.start_node();
    make_job(world, "slow:v1", "");
    REQUIRE(world.until([&] { return job_of(world).integer("/status/active") == 1; }));
    world.drop_node();
    world.start_node();
    world.settle();
    CHECK(world.pods().size() == 1);
    CHECK_FALSE(end(world).has_value());
}

TEST_CASE("a finished job goes after its time to live") {
    World world;
    world.make_image("ok", "v1", "exit 0");
    world.start_node();
    make_job(world, "ok:v1", R"("ttlSecondsAfterFinished": 30,)");
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(world.until_in_time([&] { return job_of(world).is_empty() && world.pods().empty(); }));
}

TEST_CASE("as many completions as asked for, in parallel where allowed") {
    World world;
    world.make_image("ok", "v1", "exit 0");
    world.start_node();
    make_job(world, "ok:v1", R"("completions": 3, "parallelism": 2,)");
    REQUIRE(world.until_in_time([&] { return end(world).has_value(); }));
    CHECK(job_of(world).integer("/status/succeeded") == 3);
    CHECK(world.pods().size() == 3);
}

}  // namespace serin::node
