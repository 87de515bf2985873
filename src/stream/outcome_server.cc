#include "stream/outcome_server.h"

#include "stream/frames.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace serin::stream {

namespace {

constexpr Duration tick_every{1'000};
// Longer than a controller takes to keep what its judges know.
constexpr int ticks_a_mark = 3;
// What is written ahead of a reader; the rest waits in the ring, where it is bounded.
constexpr std::size_t ahead_bytes_max = 1 << 20;

std::optional<std::uint64_t> number_of(const std::string* text) {
    std::uint64_t number = 0;
    if (text == nullptr || text->empty()) return std::nullopt;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return number;
}

}  // namespace

struct OutcomeServer::Reader {
    std::unique_ptr<net::HttpStream> stream;
    std::uint64_t next = 0;
    std::uint64_t told = 0;  // The number that it knows to come next.
};

OutcomeServer::OutcomeServer(EventLoop& loop, OutcomeServerSettings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      ring_(settings_.bytes_max, [this, alive = std::weak_ptr(is_alive_)] {
          loop_.post([this, alive] {
              if (!alive.expired()) pump_all();
          });
      }) {
    tick();
}

OutcomeServer::~OutcomeServer() = default;

std::uint64_t OutcomeServer::start_of(const net::HttpServerRequest& request) const {
    const std::string* epoch = request.parameter("epoch");
    const auto from = number_of(request.parameter("from"));
    if (epoch != nullptr && *epoch == settings_.epoch && from && *from <= ring_.next()) {
        return *from;
    }
    return older_mark_;
}

void OutcomeServer::serve(
    const net::HttpServerRequest& request, const std::shared_ptr<net::HttpResponder>& responder) {
    if (readers_.size() >= settings_.readers_max) {
        responder->send({.status = 503, .headers = {}, .body = "there are too many readers\n"});
        return;
    }
    const auto reader = std::make_shared<Reader>();
    reader->next = start_of(request);
    reader->told = reader->next;
    reader->stream = responder->start(
        {.status = 200,
         .headers = {{"Content-Type", "application/octet-stream"}},
         .body = encode_hello(settings_.epoch, reader->next)});
    readers_.push_back(reader);
    const auto later = [this, alive = std::weak_ptr(is_alive_), weak = std::weak_ptr(reader)](
                           void (OutcomeServer::*act)(const std::shared_ptr<Reader>&)) {
        loop_.post([this, alive, weak, act] {
            const auto present = weak.lock();
            if (!alive.expired() && present) (this->*act)(present);
        });
    };
    reader->stream->on_closed([later] { later(&OutcomeServer::drop); });
    reader->stream->on_drained([later] { later(&OutcomeServer::pump); });
    pump(reader);
}

void OutcomeServer::drop(const std::shared_ptr<Reader>& reader) {
    std::erase(readers_, reader);
}

void OutcomeServer::pump(const std::shared_ptr<Reader>& reader) {
    while (reader->stream->queued_bytes() < ahead_bytes_max) {
        const auto piece = ring_.piece_from(reader->next);
        if (!piece) return;
        if (!reader->stream->write(*piece->frame)) return;  // on_closed is on its way.
        reader->next = piece->next;
        reader->told = piece->next;
        ring_.note_read(piece->next);
    }
}

void OutcomeServer::pump_all() {
    for (const auto& reader : readers_) pump(reader);
}

// Readers know by it that the stream is alive, and of what was lost at its end.
void OutcomeServer::tick() {
    pump_all();
    // Before it is asked who has all: what comes in between is no gap.
    const std::uint64_t next = ring_.next();
    std::uint64_t furthest = newer_mark_;
    for (const auto& reader : readers_) {
        const bool has_all = !ring_.piece_from(reader->next);
        if (has_all) reader->told = next;
        static_cast<void>(reader->stream->write(encode_alive(reader->told)));
        furthest = std::max(furthest, reader->next);
    }
    if (!readers_.empty() && ++ticks_ % ticks_a_mark == 0) {
        older_mark_ = std::exchange(newer_mark_, furthest);
    }
    timer_ = loop_.after(tick_every, [this] { tick(); });
}

void OutcomeServer::end() {
    timer_.reset();
    pump_all();
    const std::uint64_t next = ring_.next();
    for (const auto& reader : std::exchange(readers_, {})) {
        const bool has_all = !ring_.piece_from(reader->next);
        // One that has not kept up is cut, and takes what it lacks for lost.
        if (!has_all) continue;
        static_cast<void>(reader->stream->write(encode_end(next)));
        reader->stream->end();
    }
}

}  // namespace serin::stream
