// How a container of a pod is started; the rest of PodWorker is in pod_worker.cc.

#include "base/log.h"
#include "node/log_files.h"
#include "node/pod_worker.h"

#include <fmt/format.h>

#include <csignal>
#include <utility>

namespace serin::node {

namespace {

// What a manifest may ask for and this node cannot give. Running without it would be a lie.
Result<> check_supported(const Object& pod, const json::Object& spec) {
    const json::Array* mounts = json::array(spec.if_contains("volumeMounts"));
    if (mounts != nullptr && !mounts->empty()) {
        return fail(
            ErrorKind::invalid,
            "volumeMounts are not supported by this node: processes share the machine's file "
            "system; use env or envFrom, or put the files into the image's folder");
    }
    const bool has_post_start = json::find(spec, "/lifecycle/postStart") != nullptr;
    if (has_post_start) {
        return fail(ErrorKind::invalid, "lifecycle.postStart is not supported by this node");
    }
    if (pod.boolean("/spec/hostPID")) {
        return fail(ErrorKind::invalid, "hostPID is not supported by this node");
    }
    return {};
}

}  // namespace

void PodWorker::start(const json::Object& spec, ContainerRecord& container) {
    const NodeSettings& settings = world_.settings;
    const std::string image(json::text(spec.if_contains("image")).value_or(""));
    if (const auto found = read_image(settings.images_dir, image); !found) {
        const bool is_bad_name = !image_folder("", image);
        return wait_for(
            container.name,
            {.reason = is_bad_name ? "InvalidImageName" : "ErrImagePull",
             .message = found.error().message},
            settings.image_poll);
    }
    Result<> started = check_supported(pod_, spec);
    if (started) started = ensure_ports_free(spec);
    Result<Program> program = started ? program_of(spec) : std::unexpected(started.error());
    if (!program) {
        return wait_for(
            container.name,
            {.reason = "CreateContainerConfigError", .message = program.error().message},
            settings.config_poll);
    }
    started = run_program(spec, container, *program);
    if (!started) {
        wait_for(
            container.name,
            {.reason = "CreateContainerError", .message = started.error().message},
            settings.image_poll);
    }
}

// The same trouble again is old news; an image that was missing a while ago is waited for.
void PodWorker::wait_for(const std::string& container, Waiting waiting, Duration retry) {
    const Instant now = world_.loop.now();
    wake_at(now + retry);
    Waiting& known = waiting_[container];
    if (known.message == waiting.message) {
        const bool is_a_while_ago = now - known.since >= retry;
        if (waiting.reason == "ErrImagePull" && is_a_while_ago) known.reason = "ImagePullBackOff";
        return;
    }
    tell(
        EventType::warning,
        "Failed",
        fmt::format("Error: {}: {}", waiting.reason, waiting.message));
    known = std::move(waiting);
    known.since = now;
}

Result<> PodWorker::ensure_ports_free(const json::Object& spec) {
    const json::Array* declared = json::array(spec.if_contains("ports"));
    for (const json::Value& port : declared == nullptr ? json::Array{} : *declared) {
        const auto number = json::integer(json::find(port, "/containerPort")).value_or(0);
        const auto allocated = record_.ports.find(static_cast<int>(number));
        if (allocated == record_.ports.end() || is_port_free(allocated->second)) continue;
        const int taken = allocated->second;
        world_.addresses.give_back_port(taken);
        SERIN_TRY(
            allocated->second, world_.addresses.take_port(record_.uid, static_cast<int>(number)));
        is_saved_ = false;
        tell(
            EventType::warning,
            "PortInUse",
            fmt::format(
                "port {} (for {}) is in use by another process; using {}",
                taken,
                number,
                allocated->second));
    }
    return {};
}

Result<Program> PodWorker::program_of(const json::Object& spec) {
    const NodeSettings& settings = world_.settings;
    const std::string image(json::text(spec.if_contains("image")).value_or(""));
    SERIN_TRY(const Image found, read_image(settings.images_dir, image));
    const Surroundings around{
        .store = world_.store,
        .pod = pod_,
        .pod_ip = record_.ip,
        .ports = record_.ports,
        .node_name = settings.node_name,
        .base = settings.base_env};
    SERIN_TRY(Program program, make_program(around, spec, found));
    const auto name = json::text(spec.if_contains("name")).value_or("");
    program.env[std::string(pod_variable)] = record_.uid;
    program.env[std::string(container_variable)] = fmt::format("{}/{}", record_.uid, name);
    return program;
}

Result<> PodWorker::run_program(
    const json::Object& spec, ContainerRecord& container, const Program& program) {
    const ContainerRecord before = container;
    if (before.exit) {
        ++container.run;
        container.last_exit = std::exchange(container.exit, std::nullopt);
    }
    container.started = world_.loop.now();
    container.image = std::string(json::text(spec.if_contains("image")).value_or(""));

    const std::string folder = pod_folder(world_.settings, record_.uid);
    const auto with_log = [&]() -> Result<ProcessId> {
        // Also makes the folder.
        if (Result<> saved = save(); !saved) return std::unexpected(saved.error());
        SERIN_TRY(
            const FileDescriptor output,
            open_for_append(log_path(folder, container.name, container.run)));
        return launch(
            {.argv = program.argv,
             .env = program.env,
             .directory = program.directory,
             .output = output.get(),
             .descriptors_max = world_.settings.descriptors_max,
             .persist = [&](const ProcessId& process) {
                 container.process = process;
                 return save();
             }});
    };
    const Result<ProcessId> process = with_log();
    if (!process && process.error().kind != ErrorKind::invalid) {
        container = before;
        is_saved_ = false;
        return std::unexpected(process.error());
    }
    waiting_.erase(container.name);
    remove_old_logs(folder, container.name, container.run);
    if (!process) {
        tell(EventType::warning, "Failed", "Error: " + process.error().message);
        note_exit(
            container, {.code = 128, .reason = "StartError", .message = process.error().message});
        world_.request_turn(pod_.key());
        return {};
    }
    if (!take_on(container)) {
        // Nobody would notice its end: so it may not run.
        signal_group(container.process, SIGKILL);
        container.process = {};
        container = before;
        is_saved_ = false;
        return fail(ErrorKind::unavailable, "the process cannot be watched");
    }
    is_saved_ = false;  // Without a readiness probe it is ready by now.
    log::info(
        "container_started",
        {{"pod", record_.name}, {"container", container.name}, {"pid", process->pid}});
    tell(EventType::normal, "Started", fmt::format("Started container {}", container.name));
    return {};
}

CheckTarget PodWorker::target(const json::Object& spec, const ContainerRecord& container) {
    return {
        .loop = world_.loop,
        .http = world_.http,
        .ip = record_.ip,
        .ports = record_.ports,
        .container = spec,
        .descriptors_max = world_.settings.descriptors_max,
        // Of the process itself: what it was started from may have changed since.
        .place = [process = container.process] { return whereabouts_of(process); }};
}

}  // namespace serin::node
