#pragma once

#include "net/loop.h"
#include "ports/http_client.h"
#include "server/server.h"
#include "store/memory.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace serin::server {

// Refuses 13 replicas and a negative weight, warns of the annotation "deprecated".
class TestAdmission : public Admission {
public:
    std::vector<Diagnostic> review(Object& object, const Object* old) const override;
};

// The logs of pod "p": its container "main" has `lines`; when followed, `append` adds more.
class TestLogs : public LogSource {
public:
    explicit TestLogs(EventLoop& loop) : loop_(loop) {}

    Result<std::unique_ptr<Reading>> open(
        const LogQuery& query, OnChunk on_chunk, OnEnd on_end) override;

    void append(const std::string& text);
    void finish();

    std::vector<LogQuery> asked;
    std::string text = "one\ntwo\n";
    bool is_finished = false;
    int open_count = 0;

private:
    class Cursor;
    EventLoop& loop_;
    std::vector<Cursor*> cursors_;
};

struct Output {
    int code = -1;
    std::string text;  // Standard output and standard error.
};

// An API server over a memory store, on a thread of its own.
class World {
public:
    explicit World(ServerOptions options = {});
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Runs `task` on the server's thread and waits for it.
    void run(const std::function<void()>& task);
    Object get(const ObjectKey& key);
    Object create(const std::string& yaml);

    // Runs kubectl against the server; words are split as a shell does.
    Output kubectl(const std::string& arguments, const std::string& input = "");
    // One HTTP exchange with the server, from the calling thread.
    HttpResponse ask(
        const std::string& method,
        const std::string& path,
        const std::string& body = "",
        const std::map<std::string, std::string>& headers = {});

    std::string folder;  // For files; removed at the end.
    net::AsioLoop loop;
    store::MemoryStore store{loop};
    store::MemoryEvidenceLog evidence;
    TestAdmission admission;
    TestLogs logs{loop};
    std::unique_ptr<ApiServer> server;

private:
    std::thread thread_;
};

// Runs a shell command with `input`, and waits for it.
Output run_shell(const std::string& folder, const std::string& command, const std::string& input);

// False when kubectl is not installed; says so once.
bool has_kubectl();

extern const char* const shop_rollout;  // A Rollout "shop" in YAML.
extern const char* const shop_pod;      // A Pod "p".

}  // namespace serin::server
