#include "stream/frames.h"

#include <array>
#include <limits>
#include <map>
#include <vector>

namespace serin::stream {

namespace {

// Said by each hello, so that programs of different ages refuse each other in words.
constexpr std::uint64_t version = 1;
constexpr std::size_t length_bytes = 4;

enum class Kind : unsigned char { hello = 'H', batch = 'B', alive = 'A', end = 'E' };

constexpr std::uint64_t retried = 1;
constexpr std::uint64_t lost = 2;
constexpr std::uint64_t rescue = 4;

class Writer {
public:
    explicit Writer(Kind kind) {
        bytes_.assign(length_bytes, '\0');
        bytes_.push_back(static_cast<char>(kind));
    }

    // Seven bits a byte, the lowest first.
    void number(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
        bytes_.push_back(static_cast<char>(value));
    }
    // Small numbers of either sign are short.
    void difference(std::int64_t value) {
        const auto bits = static_cast<std::uint64_t>(value);
        number(bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
    }
    void text(std::string_view value) {
        number(value.size());
        bytes_ += value;
    }
    std::size_t size() const { return bytes_.size(); }
    void cut(std::size_t size) { bytes_.resize(size); }
    void append(const Writer& other) { bytes_.append(other.bytes_, length_bytes + 1); }

    std::string finish() && {
        auto length = static_cast<std::uint32_t>(bytes_.size() - length_bytes);
        for (std::size_t i = 0; i < length_bytes; ++i, length >>= 8)
            bytes_[i] = static_cast<char>(length & 0xff);
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

// Reads on after a failure and says so in the end.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) return fail();
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) return value;
        }
        return fail();
    }
    std::int64_t difference() {
        const std::uint64_t value = number();
        return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
    }
    std::string_view text() {
        const std::uint64_t size = number();
        if (size > rest_.size()) {
            fail();
            return {};
        }
        const std::string_view value = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return value;
    }
    std::size_t left() const { return rest_.size(); }
    bool is_good() const { return is_good_; }
    bool is_over() const { return is_good_ && rest_.empty(); }
    std::uint64_t fail() {
        is_good_ = false;
        rest_ = {};
        return 0;
    }

private:
    std::string_view rest_;
    bool is_good_ = true;
};

// Texts that many outcomes share are sent once a frame.
class Dictionary {
public:
    std::uint64_t place_of(std::string_view text, Writer& words) {
        const auto [found, is_new] = places_.try_emplace(text, places_.size());
        if (is_new) words.text(text);
        return found->second;
    }
    std::size_t size() const { return places_.size(); }

private:
    std::map<std::string_view, std::uint64_t> places_;
};

void write(
    const RequestOutcome& outcome,
    Instant base,
    Dictionary& dictionary,
    Writer& words,
    Writer& out) {
    out.difference((outcome.at - base).count());
    out.difference(outcome.latency_us);
    for (const std::string_view text :
         {outcome.ns,
          outcome.route,
          outcome.service,
          outcome.revision,
          outcome.pod,
          outcome.method}) {
        out.number(dictionary.place_of(text, words));
    }
    out.text(outcome.path);
    out.text(outcome.request_id);
    out.number(outcome.user);
    out.text(outcome.request_headers.text);
    out.text(outcome.response_headers.text);
    out.difference(outcome.status);
    out.number(
        (outcome.is_retried ? retried : 0) | (outcome.is_lost ? lost : 0) |
        (outcome.is_rescue ? rescue : 0));
}

RequestOutcome read(Reader& in, std::int64_t base, const std::vector<std::string_view>& words) {
    RequestOutcome outcome;
    // Unsigned, so that no sum of what strangers write can overflow.
    outcome.at = Instant(Duration(static_cast<std::int64_t>(
        static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(in.difference()))));
    outcome.latency_us = in.difference();
    for (std::string_view* text :
         {&outcome.ns,
          &outcome.route,
          &outcome.service,
          &outcome.revision,
          &outcome.pod,
          &outcome.method}) {
        const std::uint64_t place = in.number();
        if (place >= words.size()) {
            in.fail();
            return outcome;
        }
        *text = words[place];
    }
    outcome.path = in.text();
    outcome.request_id = in.text();
    outcome.user = in.number();
    outcome.request_headers.text = in.text();
    outcome.response_headers.text = in.text();
    const std::int64_t status = in.difference();
    const std::uint64_t flags = in.number();
    if (status < -1 || status > 999 || flags > (retried | lost | rescue)) in.fail();
    outcome.status = static_cast<int>(status);
    outcome.is_retried = (flags & retried) != 0;
    outcome.is_lost = (flags & lost) != 0;
    outcome.is_rescue = (flags & rescue) != 0;
    return outcome;
}

std::string encode(Kind kind, std::uint64_t next) {
    Writer out(kind);
    out.number(next);
    return std::move(out).finish();
}

Result<> broken(std::string_view what) {
    return fail(ErrorKind::invalid, "the stream of outcomes is broken: " + std::string(what));
}

Result<> read_hello(Reader& in, FrameHandler& handler) {
    const std::uint64_t spoken = in.number();
    if (spoken != version) {
        return broken("version " + std::to_string(spoken) + ", understood is 1");
    }
    const std::string_view epoch = in.text();
    const std::uint64_t next = in.number();
    if (!in.is_over() || epoch.empty()) return broken("a bad hello");
    handler.on_hello(epoch, next);
    return {};
}

// No count makes us ask for much more memory than the frame has bytes.
Result<> read_batch(Reader& in, std::uint64_t first, FrameHandler& handler) {
    constexpr std::size_t outcome_bytes_min = 15;
    const std::int64_t base = in.difference();
    const std::uint64_t words_count = in.number();
    if (words_count > in.left()) return broken("a bad batch");
    std::vector<std::string_view> words;
    words.reserve(words_count);
    for (std::uint64_t i = 0; i < words_count && in.is_good(); ++i) words.push_back(in.text());
    const std::uint64_t count = in.number();
    if (count > in.left() / outcome_bytes_min) return broken("a bad batch");
    if (count > std::numeric_limits<std::uint64_t>::max() - first) return broken("a bad batch");
    std::vector<RequestOutcome> outcomes;
    outcomes.reserve(count);
    for (std::uint64_t i = 0; i < count && in.is_good(); ++i)
        outcomes.push_back(read(in, base, words));
    if (!in.is_over()) return broken("a bad batch");
    handler.on_batch(first, outcomes);
    return {};
}

}  // namespace

std::string encode_hello(std::string_view epoch, std::uint64_t next) {
    Writer out(Kind::hello);
    out.number(version);
    out.text(epoch);
    out.number(next);
    return std::move(out).finish();
}

std::string encode_alive(std::uint64_t next) {
    return encode(Kind::alive, next);
}

std::string encode_end(std::uint64_t next) {
    return encode(Kind::end, next);
}

std::string encode_batch(
    std::uint64_t first, std::span<const RequestOutcome> outcomes, std::size_t& count) {
    // What the head of a frame can take at most, and half of the rest: outcomes bring their words.
    constexpr std::size_t body_bytes_max = frame_bytes_max - 64;
    const Instant base = outcomes.empty() ? Instant{} : outcomes.front().at;
    Dictionary dictionary;
    Writer words(Kind::batch);
    Writer body(Kind::batch);
    std::size_t known_words = 0;
    count = 0;
    for (const RequestOutcome& outcome : outcomes) {
        const std::size_t body_size = body.size();
        const std::size_t words_size = words.size();
        write(outcome, base, dictionary, words, body);
        if (words.size() + body.size() > body_bytes_max) {
            // Its words stay unused in the dictionary, which is not written any more.
            body.cut(body_size);
            words.cut(words_size);
            break;
        }
        known_words = dictionary.size();
        ++count;
    }
    if (count == 0 && !outcomes.empty()) {
        count = 1;
        return {};
    }
    Writer out(Kind::batch);
    out.number(first);
    out.difference(base.time_since_epoch().count());
    out.number(known_words);
    out.append(words);
    out.number(count);
    out.append(body);
    return std::move(out).finish();
}

Result<> FrameReader::take(std::string_view bytes, FrameHandler& handler) {
    rest_ += bytes;
    std::string_view left = rest_;
    while (left.size() >= length_bytes) {
        std::size_t length = 0;
        for (std::size_t i = length_bytes; i-- > 0;)
            length = length << 8 | static_cast<unsigned char>(left[i]);
        if (length == 0 || length > frame_bytes_max) return broken("a frame of bad length");
        if (left.size() < length_bytes + length) break;
        SERIN_TRY_DO(read(left.substr(length_bytes, length), handler));
        left.remove_prefix(length_bytes + length);
    }
    rest_.erase(0, rest_.size() - left.size());
    return {};
}

Result<> FrameReader::read(std::string_view frame, FrameHandler& handler) {
    const auto kind = static_cast<Kind>(frame.front());
    Reader in(frame.substr(1));
    if (kind == Kind::hello) {
        SERIN_TRY_DO(read_hello(in, handler));
        has_hello_ = true;
        return {};
    }
    if (!has_hello_) return broken("no hello at the beginning");
    const std::uint64_t number = in.number();
    if (kind == Kind::batch) return read_batch(in, number, handler);
    if (kind != Kind::alive && kind != Kind::end) return broken("a frame of unknown kind");
    if (!in.is_over()) return broken("a frame that is longer than its content");
    if (kind == Kind::end) {
        handler.on_end(number);
    } else {
        handler.on_alive(number);
    }
    return {};
}

}  // namespace serin::stream
