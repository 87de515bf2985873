#include "kubernetes/lease.h"

#include <doctest/doctest.h>

#include "cluster_world.h"

namespace serin::kubernetes {

using namespace std::chrono_literals;

namespace {

struct Candidate {
    Lease lease;
    bool leads = false;
    std::string lost;

    Candidate(ClusterWorld& world, const char* identity)
        : lease(
              *world.api,
              {.ns = world.ns,
               .name = "test",
               .identity = identity,
               .duration = 3s,
               .deadline = 2s,
               .renew_every = 300ms,
               .retry_every = 200ms}) {
        lease.start(
            [this] { leads = true; },
            [this](const Error& error) {
                leads = false;
                lost = error.message;
            });
    }
};

}  // namespace

TEST_CASE("of several one leads, and the next takes over when it is gone") {
    ClusterWorld world;
    auto first = std::make_unique<Candidate>(world, "first");
    world.await([&] { return first->leads; });
    CHECK(first->lease.may_write());
    Candidate second(world, "second");
    world.await([&] { return second.lease.holder() == "first"; });
    CHECK_FALSE(second.leads);
    CHECK_FALSE(second.lease.may_write());

    SUBCASE("after it has said nothing for the lease's duration") {
        first.reset();
        world.await([&] { return second.leads; });
        CHECK(second.lease.may_write());
    }
    SUBCASE("at once when it has given it back") {
        first->lease.release();
        CHECK_FALSE(first->lease.may_write());
        world.await([&] { return second.leads; });
    }
}

TEST_CASE("who finds another in its place stops") {
    ClusterWorld world;
    Candidate first(world, "first");
    world.await([&] { return first.leads; });
    const std::string path = "/apis/coordination.k8s.io/v1/namespaces/" + world.ns + "/leases/test";
    const auto taken = world.api->call(
        {.method = "PATCH",
         .path = path,
         .body = json::parse(R"({"spec": {"holderIdentity": "other"}})").value(),
         .content_type = "application/merge-patch+json"});
    REQUIRE_MESSAGE(taken, taken.error().message);
    world.await([&] { return !first.lost.empty(); });
    CHECK(first.lost == "other has taken the lease");
    CHECK_FALSE(first.lease.may_write());
}

}  // namespace serin::kubernetes
