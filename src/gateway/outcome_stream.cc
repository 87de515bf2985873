#include "gateway/outcome_stream.h"

#include "base/log.h"
#include "gateway/outcome_batch.h"
#include "gateway/render.h"
#include "gateway/runtime_socket.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <thread>
#include <utility>
#include <vector>

namespace serin::gateway {
namespace {

constexpr int look_interval_ms = 1000;
constexpr int finishing_interval_ms = 50;  // While a process is to end.
// A process that is to end and has been silent for so long has said everything.
constexpr int last_silence_ms = 200;

}  // namespace

class OutcomeStream::Reader {
public:
    explicit Reader(OutcomeSink& sink)
        : sink_(sink),
          wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          ticks_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
        set_interval(look_interval_ms);
        thread_ = std::thread([this] { run(); });
    }

    ~Reader() {
        tell([this] { is_ending_ = true; });
        thread_.join();
    }

    void add(int instance, std::string path) {
        tell([&] { added_.emplace_back(instance, std::move(path)); });
    }
    void finish(int instance) {
        tell([&] { finishing_.push_back(instance); });
    }

private:
    struct Source {
        std::string path;
        UniqueFd fd;
        RecordReader records;
        bool is_finishing = false;
        int silent_ms = 0;
    };

    void tell(const auto& change) {
        const std::lock_guard lock(mutex_);
        change();
        const std::uint64_t one = 1;
        static_cast<void>(!write(wake_.get(), &one, sizeof(one)));
    }
    bool take_orders();
    void run();
    void wait_and_read();
    bool read_some(Source& source);
    void open(Source& source);
    void look_for_gaps();
    void set_interval(int ms);
    int passed_ms();

    OutcomeSink& sink_;
    UniqueFd wake_;
    UniqueFd ticks_;
    int interval_ms_ = 0;
    std::mutex mutex_;  // Guards the next three.
    bool is_ending_ = false;
    std::vector<std::pair<int, std::string>> added_;
    std::vector<int> finishing_;

    std::map<int, Source> sources_;  // The thread's own from here on.
    std::vector<char> buffer_ = std::vector<char>(1 << 18);
    int since_look_ms_ = 0;
    Instant last_at_{};   // Of the newest outcome handed over.
    std::thread thread_;  // Last: it uses all of the above.
};

bool OutcomeStream::Reader::take_orders() {
    const std::lock_guard lock(mutex_);
    for (auto& [instance, path] : std::exchange(added_, {})) {
        Source& source = sources_[instance];
        source.path = std::move(path);
        open(source);
    }
    for (const int instance : std::exchange(finishing_, {})) {
        const auto source = sources_.find(instance);
        if (source != sources_.end()) source->second.is_finishing = true;
    }
    return !is_ending_;
}

void OutcomeStream::Reader::open(Source& source) {
    // Without -n the ring's content comes first, and then what is new.
    Result<UniqueFd> fd = open_stream(source.path, "show events " + std::string(ring_name) + " -w");
    if (fd) source.fd = *std::move(fd);
    source.silent_ms = 0;
}

void OutcomeStream::Reader::run() {
    while (take_orders()) wait_and_read();
}

void OutcomeStream::Reader::set_interval(int ms) {
    if (ms == interval_ms_) return;
    interval_ms_ = ms;
    const timespec each{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000L};
    const itimerspec spec{.it_interval = each, .it_value = each};
    timerfd_settime(ticks_.get(), 0, &spec, nullptr);
}

// Since the last call, in whole intervals.
int OutcomeStream::Reader::passed_ms() {
    std::uint64_t ticks = 0;
    if (read(ticks_.get(), &ticks, sizeof(ticks)) != sizeof(ticks)) return 0;
    return static_cast<int>(std::min<std::uint64_t>(ticks, 1000)) * interval_ms_;
}

void OutcomeStream::Reader::wait_and_read() {
    std::vector<pollfd> waiting{
        {.fd = wake_.get(), .events = POLLIN, .revents = 0},
        {.fd = ticks_.get(), .events = POLLIN, .revents = 0}};
    const std::size_t own = waiting.size();
    std::vector<int> instances(own);
    bool any_finishing = false;
    for (const auto& [instance, source] : sources_) {
        waiting.push_back({.fd = source.fd.get(), .events = POLLIN, .revents = 0});
        instances.push_back(instance);
        any_finishing = any_finishing || source.is_finishing;
    }
    set_interval(any_finishing ? finishing_interval_ms : look_interval_ms);
    static_cast<void>(poll(waiting.data(), waiting.size(), -1));
    std::uint64_t orders = 0;
    static_cast<void>(!read(wake_.get(), &orders, sizeof(orders)));
    const int passed = passed_ms();
    for (std::size_t i = own; i < waiting.size(); ++i) {
        Source& source = sources_.at(instances[i]);
        const bool is_silent = waiting[i].revents == 0;
        source.silent_ms = is_silent ? source.silent_ms + passed : 0;
        const bool goes_on = is_silent || read_some(source);
        if (!goes_on || (source.is_finishing && source.silent_ms >= last_silence_ms)) {
            sources_.erase(instances[i]);
        }
    }
    since_look_ms_ += passed;
    if (since_look_ms_ >= look_interval_ms) look_for_gaps();
}

bool OutcomeStream::Reader::read_some(Source& source) {
    const ssize_t got = recv(source.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got > 0) {
        const Instant newest =
            source.records.take({buffer_.data(), static_cast<std::size_t>(got)}, sink_);
        last_at_ = std::max(last_at_, newest);
        return true;
    }
    // The process has ended, or closed only this connection: then it says everything once more.
    source.records.replay();
    source.fd = UniqueFd();
    if (!source.is_finishing) open(source);
    return static_cast<bool>(source.fd);
}

void OutcomeStream::Reader::look_for_gaps() {
    since_look_ms_ = 0;
    std::uint64_t lost = 0;
    for (auto& [instance, source] : sources_) lost += source.records.look_for_gaps();
    if (lost == 0) return;
    log::warning("request_records_lost", {{"records", lost}});
    sink_.take_gap({.at = last_at_, .outcomes_lost = lost});
}

OutcomeStream::OutcomeStream(OutcomeSink& sink) : reader_(std::make_unique<Reader>(sink)) {}
OutcomeStream::~OutcomeStream() = default;
void OutcomeStream::add(int instance, std::string socket_path) {
    reader_->add(instance, std::move(socket_path));
}
void OutcomeStream::finish(int instance) {
    reader_->finish(instance);
}

}  // namespace serin::gateway
