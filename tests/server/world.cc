#include "world.h"

#include "base/document.h"
#include "net/curl_client.h"
#include "store/patch.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <stdlib.h>
#include <sys/wait.h>

namespace serin::server {

using namespace std::chrono_literals;

const char* const shop_rollout = R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
  labels: {app: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - {name: shop, image: "shop:v1"}
  strategy:
    canary:
      steps:
      - setWeight: 20
      - pause: {}
)";

const char* const shop_pod = R"(apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default}
spec:
  containers:
  - {name: main, image: "shop:v1"}
)";

std::vector<Diagnostic> TestAdmission::review(Object& object, const Object*) const {
    std::vector<Diagnostic> found;
    if (object.integer("/spec/replicas") == 13) {
        found.push_back(
            {.path = "spec.replicas", .message = "bad luck", .suggestion = "use another number"});
    }
    if (object.integer("/spec/weight") < 0) {
        found.push_back({.path = "spec.weight", .message = "must not be negative"});
    }
    if (object.annotation("deprecated")) {
        found.push_back(
            {.severity = Severity::warning,
             .path = "metadata.annotations[deprecated]",
             .message = "is \"old\""});
    }
    return found;
}

class TestLogs::Cursor : public LogSource::Reading {
public:
    Cursor(TestLogs& logs, bool is_following, OnChunk on_chunk, OnEnd on_end)
        : logs_(logs),
          is_following_(is_following),
          on_chunk_(std::move(on_chunk)),
          on_end_(std::move(on_end)) {
        logs_.cursors_.push_back(this);
        ++logs_.open_count;
    }
    ~Cursor() override {
        std::erase(logs_.cursors_, this);
        --logs_.open_count;
    }
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    void next() override {
        is_asked_ = true;
        logs_.loop_.post([weak = std::weak_ptr(alive_), this] {
            if (!weak.expired()) go_on();
        });
    }
    void go_on() {
        if (!is_asked_) return;
        if (place_ < logs_.text.size()) {
            is_asked_ = false;
            const std::string chunk = logs_.text.substr(place_, 64 << 10);
            place_ += chunk.size();
            on_chunk_(chunk);
        } else if (!is_following_ || logs_.is_finished) {
            is_asked_ = false;
            on_end_({});
        }
    }

private:
    TestLogs& logs_;
    bool is_following_;
    OnChunk on_chunk_;
    OnEnd on_end_;
    size_t place_ = 0;
    bool is_asked_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Result<std::unique_ptr<LogSource::Reading>> TestLogs::open(
    const LogQuery& query, OnChunk on_chunk, OnEnd on_end) {
    asked.push_back(query);
    if (query.pod != "p") return fail(ErrorKind::not_found, "no such pod");
    if (!query.container.empty() && query.container != "main") {
        return fail(
            ErrorKind::invalid, fmt::format("the pod has no container {}", query.container));
    }
    return std::make_unique<Cursor>(
        *this, query.is_following, std::move(on_chunk), std::move(on_end));
}

void TestLogs::append(const std::string& more) {
    text += more;
    const std::vector<Cursor*> all = cursors_;
    for (Cursor* cursor : all) cursor->go_on();
}

void TestLogs::finish() {
    is_finished = true;
    const std::vector<Cursor*> all = cursors_;
    for (Cursor* cursor : all) cursor->go_on();
}

World::World(ServerOptions options) {
    char name[] = "/tmp/serin-server-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    folder = name;
    std::ofstream(folder + "/config") << "apiVersion: v1\nkind: Config\n";
    server = std::make_unique<ApiServer>(
        loop, store, admission, evidence, logs, store::apply_patch, std::move(options));
    const auto started = server->start();
    REQUIRE_MESSAGE(started, started.error().message);
    thread_ = std::thread([this] { loop.run(); });
}

World::~World() {
    run([this] { server.reset(); });
    loop.stop();
    thread_.join();
    std::filesystem::remove_all(folder);
}

void World::run(const std::function<void()>& task) {
    std::promise<void> done;
    loop.post([&] {
        task();
        done.set_value();
    });
    done.get_future().get();
}

Object World::get(const ObjectKey& key) {
    Object object;
    run([&] {
        const auto got = store.get(key);
        if (got) object = *got;
    });
    return object;
}

Object World::create(const std::string& yaml) {
    const DocumentsRead read = read_documents(yaml, "");
    REQUIRE(read.documents.size() == 1);
    Object object(read.documents.front().root.as_object());
    if (object.ns().empty()) object.put("/metadata/namespace", "default");
    Object created;
    run([&] {
        const auto stored = store.create(object);
        if (stored) created = *stored;
    });
    REQUIRE_FALSE(created.is_empty());
    return created;
}

Output run_shell(const std::string& folder, const std::string& command, const std::string& input) {
    const std::string in = folder + "/stdin";
    std::ofstream(in) << input;
    const std::string whole = fmt::format("{{ {} ; }} <{} 2>&1", command, in);
    FILE* pipe = ::popen(whole.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Output output;
    char bytes[4096];
    while (const size_t size = std::fread(bytes, 1, sizeof bytes, pipe)) {
        output.text.append(bytes, size);
    }
    const int status = ::pclose(pipe);
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
}

Output World::kubectl(const std::string& arguments, const std::string& input) {
    const std::string command = fmt::format(
        "HOME={0} KUBECONFIG={0}/config timeout 60 kubectl --server {1} --cache-dir {0}/cache {2}",
        folder,
        server->url(),
        arguments);
    return run_shell(folder, command, input);
}

bool has_kubectl() {
    static const bool is_there = [] {
        const bool found = std::system("kubectl version --client >/dev/null 2>&1") == 0;
        if (!found) MESSAGE("kubectl is not installed: the tests that drive it are skipped");
        return found;
    }();
    return is_there;
}

HttpResponse World::ask(
    const std::string& method,
    const std::string& path,
    const std::string& body,
    const std::map<std::string, std::string>& headers) {
    net::AsioLoop here;
    net::CurlClient client(here);
    std::optional<Result<HttpResponse>> got;
    HttpRequest request{
        .method = method,
        .url = server->url() + path,
        .body = body,
        .timeout = 30s,
        .body_bytes_max = 100 << 20};
    request.headers.assign(headers.begin(), headers.end());
    const auto call = client.send(std::move(request), [&](Result<HttpResponse> result) {
        got = std::move(result);
        here.stop();
    });
    here.run();
    REQUIRE(got);
    REQUIRE_MESSAGE(*got, got->error().message);
    return std::move(**got);
}

}  // namespace serin::server
