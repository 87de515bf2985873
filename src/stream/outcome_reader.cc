#include "stream/outcome_reader.h"

#include "base/log.h"
#include "net/http_message.h"
#include "stream/frames.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace serin::stream {

namespace {

constexpr Duration tick_every{1'000};
constexpr Duration retry_first{100};
constexpr Duration retry_last{5'000};

}  // namespace

// One source, over all the times it is connected to.
class OutcomeReader::Connection : public FrameHandler {
public:
    Connection(OutcomeReader& reader, StreamSource source)
        : reader_(reader), source_(std::move(source)) {
        open();
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    const StreamSource& source() const { return source_; }
    bool is_streaming() const { return is_streaming_; }
    // It has said that it ends: nothing is missing of it.
    bool is_over() const { return is_over_; }
    // It has streamed, and nobody knows what it had not sent.
    bool is_torn() const { return !epoch_.empty() && !is_over_; }
    const std::string& error() const { return error_; }

    // To be called every second.
    void look(Instant now) {
        if (call_ && now >= heard_at_ + silence_max) closed("it is silent");
    }
    // For so long nobody here has listened.
    void excuse(Duration silence) { heard_at_ += silence; }

    void on_hello(std::string_view epoch, std::uint64_t next) override {
        if (epoch_ != epoch) {
            // Another life of the same gateway, which has forgotten what it had not sent.
            if (is_torn()) reader_.note_loss(1);
            epoch_ = epoch;
            next_ = next;
        }
        is_over_ = false;
        is_streaming_ = true;
        error_.clear();
        delay_ = retry_first;
        log::info("outcomes_streaming", {{"gateway", source_.name}, {"from", next_}});
    }
    void on_batch(std::uint64_t first, std::span<const RequestOutcome> outcomes) override {
        if (first < next_) {
            // The number went back within one life: it is no use to guess which are new.
            broken_ = "its numbers go back";
            return;
        }
        miss_up_to(first);
        next_ = first + outcomes.size();
        reader_.outcomes_ += outcomes.size();
        if (outcomes.empty()) return;
        reader_.last_at_ = std::max(reader_.last_at_, outcomes.back().at);
        reader_.sink_.take(outcomes);
    }
    void on_alive(std::uint64_t next) override { miss_up_to(next); }
    void on_end(std::uint64_t next) override {
        miss_up_to(next);
        is_over_ = true;
    }

private:
    void miss_up_to(std::uint64_t next) {
        if (next <= next_) return;
        reader_.note_loss(next - std::exchange(next_, next));
    }

    void open() {
        HttpRequest request;
        request.url = source_.url + "/outcomes";
        if (!epoch_.empty()) {
            request.url +=
                "?epoch=" + net::percent_encode(epoch_) + "&from=" + std::to_string(next_);
        }
        if (const std::string token = reader_.token_(); !token.empty()) {
            request.headers.emplace_back("Authorization", "Bearer " + token);
        }
        request.timeout = Duration(0);
        frames_ = FrameReader();
        broken_.clear();
        heard_at_ = reader_.loop_.now();
        request.on_body = [this](std::string_view bytes) { take(bytes); };
        call_ = reader_.http_.send(std::move(request), [this](Result<HttpResponse> answer) {
            closed(
                !answer                 ? answer.error().message
                : answer->status >= 300 ? "it answers with status " +
                                              std::to_string(answer->status) + ": " + answer->body
                                        : "it has ended the stream");
        });
    }

    void take(std::string_view bytes) {
        if (!broken_.empty()) return;
        heard_at_ = reader_.loop_.now();
        if (const auto taken = frames_.take(bytes, *this); !taken) broken_ = taken.error().message;
        if (broken_.empty()) return;
        // The call must not end within its own callback.
        retry_ = reader_.loop_.after(Duration(0), [this] { closed(broken_); });
    }

    void closed(const std::string& reason) {
        call_.reset();
        const bool was_streaming = std::exchange(is_streaming_, false);
        if (is_over_) {
            error_ = "it has ended";
        } else {
            error_ = broken_.empty() ? reason.substr(0, reason.find('\n')) : broken_;
            if (was_streaming || delay_ == retry_first) {
                log::warning(
                    "outcomes_not_streaming", {{"gateway", source_.name}, {"error", error_}});
            }
        }
        retry_ = reader_.loop_.after(delay_, [this] { open(); });
        delay_ = std::min(delay_ * 2, retry_last);
    }

    OutcomeReader& reader_;
    StreamSource source_;
    std::unique_ptr<HttpClient::Call> call_;
    FrameReader frames_;
    std::string epoch_;       // Empty: it has never streamed.
    std::uint64_t next_ = 0;  // The number of the outcome that comes next.
    bool is_streaming_ = false;
    bool is_over_ = false;
    std::string broken_;  // Why what it sends is no use.
    std::string error_;
    Instant heard_at_;
    Duration delay_ = retry_first;
    EventLoop::Watch retry_;
};

OutcomeReader::OutcomeReader(
    EventLoop& loop, HttpClient& http, OutcomeSink& sink, std::function<std::string()> token)
    : loop_(loop),
      http_(http),
      sink_(sink),
      token_(std::move(token)),
      whole_at_(loop.now()),
      tick_due_(loop.now()) {
    tick();
}

OutcomeReader::~OutcomeReader() = default;

void OutcomeReader::follow(const std::map<std::string, StreamSource>& sources) {
    std::erase_if(connections_, [&](const auto& item) {
        const auto found = sources.find(item.first);
        if (found != sources.end() && found->second == item.second->source()) return false;
        if (item.second->is_torn()) note_loss(1);
        return true;
    });
    for (const auto& [id, source] : sources) {
        auto& connection = connections_[id];
        if (!connection) connection = std::make_unique<Connection>(*this, source);
    }
}

void OutcomeReader::note_loss(std::uint64_t outcomes) {
    lost_ += outcomes;
    log::warning("outcomes_lost", {{"outcomes", outcomes}});
    sink_.take_gap({.at = std::max(last_at_, loop_.now()), .outcomes_lost = outcomes});
}

std::string OutcomeReader::trouble() const {
    std::string text = "no serin gateway streams requests of this cluster";
    for (const auto& [id, connection] : connections_) {
        if (connection->is_over()) continue;
        if (!connection->is_streaming()) {
            return "the gateway " + connection->source().name + " does not stream its requests" +
                   (connection->error().empty() ? "" : ": " + connection->error());
        }
        text.clear();
    }
    return text;
}

std::string OutcomeReader::trouble(Duration grace) const {
    if (loop_.now() < whole_at_ + grace) return "";
    return trouble();
}

std::vector<OutcomeReader::Stats> OutcomeReader::sources() const {
    std::vector<Stats> all;
    for (const auto& [id, connection] : connections_) {
        all.push_back(
            {.name = connection->source().name, .is_streaming = connection->is_streaming()});
    }
    return all;
}

// A loop that stood still has read nothing, and what came meanwhile is read after this.
void OutcomeReader::tick() {
    const Instant now = loop_.now();
    const Duration late = now - std::exchange(tick_due_, now + tick_every);
    for (const auto& [id, connection] : connections_) {
        if (late > Duration(0)) connection->excuse(late);
        connection->look(now);
    }
    if (trouble().empty()) whole_at_ = loop_.now();
    timer_ = loop_.after(tick_every, [this] { tick(); });
}

}  // namespace serin::stream
