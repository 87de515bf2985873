// Requests to the REST API, one after the other, over a store with a release in it. A request is
// "METHOD TARGET CONTENT-TYPE", a line end and the body; a line "=====" parts it from the next.

#include "base/check.h"
#include "manifest/admission.h"
#include "ports/manual_loop.h"
#include "server/resource_api.h"
#include "store/memory.h"
#include "store/patch.h"

#include "input.h"
#include <memory>
#include <vector>

namespace serin::fuzz {
namespace {

constexpr std::string_view rollout = R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
  "metadata": {"name": "shop", "namespace": "default", "labels": {"app": "shop"}},
  "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "shop"}},
    "template": {"metadata": {"labels": {"app": "shop"}},
      "spec": {"containers": [{"name": "shop", "image": "shop:v1", "env": [{"name": "A"}]}]}},
    "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}}})";
constexpr std::string_view pod = R"({"apiVersion": "v1", "kind": "Pod",
  "metadata": {"name": "p", "namespace": "default", "finalizers": ["a/b"]},
  "spec": {"containers": [{"name": "main", "image": "shop:v1"}]}})";

class Stream : public net::HttpStream {
public:
    bool write(std::string_view) override { return true; }
    void end() override {}
    size_t queued_bytes() const override { return 0; }
    void on_closed(std::function<void()>) override {}
    void on_drained(std::function<void()>) override {}
};

// An answer comes at most once, and is one.
class Responder : public net::HttpResponder {
public:
    void send(net::HttpServerResponse response) override { note(response); }
    std::unique_ptr<net::HttpStream> start(net::HttpServerResponse head) override {
        note(head);
        return std::make_unique<Stream>();
    }
    bool is_wanted() const override { return true; }

private:
    void note(const net::HttpServerResponse& response) {
        SERIN_CHECK(!is_answered_);
        is_answered_ = true;
        SERIN_CHECK(response.status >= 200);
        SERIN_CHECK(response.status < 600);
        // An internal error is a defect whatever was asked.
        SERIN_CHECK(response.status != 500);
    }
    bool is_answered_ = false;
};

class NoLogs : public LogSource {
public:
    Result<std::unique_ptr<Reading>> open(const LogQuery&, OnChunk, OnEnd) override {
        return fail(ErrorKind::not_found, "no logs here");
    }
};

class Server {
public:
    Server() {
        for (const std::string_view text : {rollout, pod}) {
            const auto document = json::parse(text);
            SERIN_CHECK(document.has_value());
            SERIN_CHECK(store_.create(Object(document->get_object())).has_value());
        }
    }
    void take(std::string_view text) {
        net::HttpServerRequest request;
        request.method = take_until(text, " ");
        std::string_view line = take_until(text, "\n");
        request.target = take_until(line, " ");
        if (!line.empty()) request.headers.emplace_back("content-type", line);
        request.body = text;
        if (!net::split_target(request)) return;
        api_.handle(request, std::make_shared<Responder>());
        loop_.run_until_idle();
    }

private:
    ManualLoop loop_{Instant(std::chrono::hours(24 * 365 * 55))};
    store::MemoryStore store_{loop_};
    manifest::ManifestAdmission admission_;
    NoLogs logs_;
    server::ResourceApi api_{loop_, store_, admission_, logs_, store::apply_patch};
};

}  // namespace
}  // namespace serin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr int requests_max = 8;
    std::string_view rest = serin::fuzz::text_of(data, size);
    serin::fuzz::Server server;
    for (int i = 0; i < requests_max && !rest.empty(); ++i) {
        server.take(serin::fuzz::take_until(rest, "\n=====\n"));
    }
    return 0;
}
