#include "node/container_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>
#include <utility>

namespace serin::node {

namespace {

// As in `lifecycle.stopSignal`; the names Kubernetes allows on Linux and programs act on.
constexpr std::array<std::pair<std::string_view, int>, 12> stop_signals{{
    {"SIGTERM", SIGTERM},
    {"SIGINT", SIGINT},
    {"SIGQUIT", SIGQUIT},
    {"SIGHUP", SIGHUP},
    {"SIGUSR1", SIGUSR1},
    {"SIGUSR2", SIGUSR2},
    {"SIGWINCH", SIGWINCH},
    {"SIGABRT", SIGABRT},
    {"SIGALRM", SIGALRM},
    {"SIGPIPE", SIGPIPE},
    {"SIGCONT", SIGCONT},
    {"SIGKILL", SIGKILL},
}};

}  // namespace

ContainerRun::ContainerRun(
    CheckTarget target, ContainerRecord& record, Duration default_grace, Listener listener)
    : target_(std::move(target)),
      record_(record),
      default_grace_(default_grace),
      listener_(std::move(listener)) {}

Result<std::unique_ptr<ContainerRun>> ContainerRun::take(
    CheckTarget target, ContainerRecord& record, Duration default_grace, Listener listener) {
    SERIN_TRY(FileDescriptor exit, watch_process(record.process));
    std::unique_ptr<ContainerRun> run(
        new ContainerRun(std::move(target), record, default_grace, std::move(listener)));
    run->exit_ = std::move(exit);
    run->exit_watch_ = run->target_.loop.on_readable(run->exit_.get(), [self = run.get()] {
        const auto status = collect(self->record_.process);
        if (!status) return;
        self->exit_watch_.reset();
        self->listener_.on_exit(*status);
    });
    run->start_probes();
    return run;
}

const json::Object* ContainerRun::probe_spec(std::string_view member) const {
    return json::object(target_.container.if_contains(member));
}

void ContainerRun::start_probes() {
    const json::Object* startup = probe_spec("startupProbe");
    if (startup != nullptr && !record_.has_started) return start_startup_probe(*startup);
    record_.has_started = true;
    if (const json::Object* written = probe_spec("livenessProbe")) start_liveness_probe(*written);
    if (const json::Object* written = probe_spec("readinessProbe")) {
        start_readiness_probe(*written);
    } else {
        record_.is_ready = true;
    }
}

void ContainerRun::start_startup_probe(const json::Object& written) {
    startup_ = std::make_unique<Probe>(
        read_probe(written),
        target_,
        record_.started,
        Probe::Listener{
            .on_settled =
                [this, &written](bool is_passing, const std::string& message) {
                    if (!is_passing) return want_restart("startup", written, message);
                    record_.has_started = true;
                    // Not here: this is the probe's own call.
                    probe_change_ = target_.loop.after(Duration{0}, [this] {
                        startup_.reset();
                        if (is_stopping()) return;
                        start_probes();
                        listener_.on_change();
                    });
                },
            .on_first_failure =
                [this](const std::string& message) {
                    listener_.on_unhealthy("Unhealthy", "Startup probe failed: " + message);
                }});
}

void ContainerRun::start_liveness_probe(const json::Object& written) {
    liveness_ = std::make_unique<Probe>(
        read_probe(written),
        target_,
        record_.started,
        Probe::Listener{
            .on_settled =
                [this, &written](bool is_passing, const std::string& message) {
                    if (!is_passing) want_restart("liveness", written, message);
                },
            .on_first_failure =
                [this](const std::string& message) {
                    listener_.on_unhealthy("Unhealthy", "Liveness probe failed: " + message);
                }});
}

void ContainerRun::start_readiness_probe(const json::Object& written) {
    // A process that was ready before Serin was restarted stays so until the probe says otherwise.
    ProbeSpec spec = read_probe(written);
    spec.is_eager = !record_.is_ready;
    readiness_ = std::make_unique<Probe>(
        std::move(spec),
        target_,
        record_.started,
        Probe::Listener{
            .on_settled = [this](bool is_passing, const std::string&) { set_ready(is_passing); },
            .on_first_failure =
                [this](const std::string& message) {
                    listener_.on_unhealthy("Unhealthy", "Readiness probe failed: " + message);
                }});
}

void ContainerRun::set_ready(bool is_ready) {
    if (record_.is_ready == is_ready) return;
    record_.is_ready = is_ready;
    listener_.on_change();
}

void ContainerRun::want_restart(
    std::string_view probe, const json::Object& written, const std::string& message) {
    if (is_stopping()) return;
    const auto own = json::integer(written.if_contains("terminationGracePeriodSeconds"));
    listener_.on_restart_wanted(
        fmt::format(
            "Container {} failed {} probe, will be restarted: {}", record_.name, probe, message),
        own ? Duration(std::chrono::seconds(*own)) : default_grace_);
}

void ContainerRun::stop(Instant kill_at) {
    const Instant now = target_.loop.now();
    const bool is_first = !kill_at_;
    if (!is_first && *kill_at_ <= kill_at) return;
    kill_at_ = kill_at;
    kill_timer_ = target_.loop.after(
        std::max(kill_at - now, Duration{0}), [this] { signal_group(record_.process, SIGKILL); });
    if (!is_first) return;

    // A process that is on its way out is not judged any more.
    probe_change_ = target_.loop.after(Duration{0}, [this] {
        startup_.reset();
        liveness_.reset();
        readiness_.reset();
    });
    const json::Object* hook = json::object(json::find(target_.container, "/lifecycle/preStop"));
    if (hook == nullptr || kill_at <= now) return terminate();
    pre_stop_ = start_check(target_, *hook, kill_at - now, [this](const Result<>& done) {
        if (!done) listener_.on_unhealthy("FailedPreStopHook", done.error().message);
        terminate();
    });
}

void ContainerRun::terminate() {
    const auto wanted =
        json::text(json::find(target_.container, "/lifecycle/stopSignal")).value_or("SIGTERM");
    const auto found =
        std::ranges::find(stop_signals, wanted, &std::pair<std::string_view, int>::first);
    signal_group(record_.process, found == stop_signals.end() ? SIGTERM : found->second);
}

}  // namespace serin::node
