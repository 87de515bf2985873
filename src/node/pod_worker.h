#pragma once

#include "node/addresses.h"
#include "node/container_run.h"
#include "node/pod_status.h"
#include "node/record.h"
#include "node/settings.h"
#include "ports/event_recorder.h"
#include "ports/http_client.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::node {

// What all pods of the node share.
struct NodeWorld {
    EventLoop& loop;
    ObjectStore& store;
    HttpClient& http;
    EventRecorder& events;
    const NodeSettings& settings;
    Addresses& addresses;
    // Asks for a turn of the pod, soon and not within the call.
    std::function<void(const ObjectKey&)> request_turn;
};

// The folder of a pod's record and logs.
std::string pod_folder(const NodeSettings& settings, std::string_view uid);

// The environment variables by which a pod's processes are found when nothing else tells.
constexpr std::string_view pod_variable = "SERIN_POD_UID";
constexpr std::string_view container_variable = "SERIN_CONTAINER";  // <uid>/<container>.

// Brings the processes of one pod to what its object asks for, and its object's status to what the
// processes do. All it knows is in the record; destroying it lets the processes go on.
class PodWorker {
public:
    // Takes on what the record of the pod says is running; what has ended meanwhile is noted.
    PodWorker(NodeWorld& world, const Object& pod);

    // One turn. Idempotent. REQUIRES: `pod` is the object with the uid it was made for.
    Result<CallAgain> turn(const Object& pod);

    const PodRecord& record() const { return record_; }
    bool has_processes() const;
    // A container waits for a ConfigMap or Secret that may appear.
    bool is_waiting_for_config() const;

private:
    // Adoption.
    void load(const Object& pod);
    void start_afresh(const Object& pod, const std::string& problem);
    void add_missing_containers();
    void adopt(ContainerRecord& container);
    bool take_on(ContainerRecord& container);

    // Turns.
    Result<> ensure_address();
    Result<> publish_address();
    void run_init_containers();
    void run_containers();
    void run_container(const json::Object& spec);
    bool must_wait_for_backoff(const ContainerRecord& container);
    Result<CallAgain> end_pod();
    Result<> publish_status();

    // Starting.
    void start(const json::Object& spec, ContainerRecord& container);
    Result<> ensure_ports_free(const json::Object& spec);
    Result<Program> program_of(const json::Object& spec);
    Result<> run_program(
        const json::Object& spec, ContainerRecord& container, const Program& program);
    void wait_for(const std::string& container, Waiting waiting, Duration retry);

    // News of a container.
    void on_exit(ContainerRecord& container, const ExitStatus& status);
    void note_exit(ContainerRecord& container, ExitRecord exit);
    void restart(ContainerRecord& container, const std::string& message, Duration grace);

    Duration grace() const;
    CheckTarget target(const json::Object& spec, const ContainerRecord& container);
    const json::Object* spec_of(std::string_view container) const;
    void wake_at(Instant at);
    void tell(EventType type, std::string_view reason, const std::string& message);
    Result<> save();
    std::string file() const;

    NodeWorld& world_;
    Object pod_;
    PodRecord record_;
    bool is_saved_ = false;
    WaitingContainers waiting_;
    std::map<std::string, std::unique_ptr<ContainerRun>> runs_;  // By container name.
    // Runs that are over; kept until no call of theirs can be on the stack.
    std::vector<std::unique_ptr<ContainerRun>> ended_runs_;
    std::optional<Instant> wake_;
};

}  // namespace serin::node
