#include "node/log_files.h"

#include "base/log.h"
#include "node/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace serin::node {

namespace {

constexpr std::int64_t chunk_bytes = 32 << 10;
// Rotated files that a reading looks for, whatever the limit was when they were made.
constexpr int segments_max = 64;

// Until `at`, the file had been written up to `offset`.
struct TimeMark {
    std::int64_t offset = 0;
    Instant at;
};

std::vector<TimeMark> read_marks(const std::string& log) {
    std::vector<TimeMark> marks;
    const Result<std::string> text = read_file(log + ".times");
    if (!text) return marks;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        TimeMark mark;
        std::int64_t ms = 0;
        const char* last = line.data() + line.size();
        const auto [space, first_error] = std::from_chars(line.data(), last, mark.offset);
        if (first_error != std::errc() || space == last) continue;
        if (std::from_chars(space + 1, last, ms).ec != std::errc()) continue;
        mark.at = Instant(Duration(ms));
        marks.push_back(mark);
    }
    return marks;
}

std::int64_t size_of(int fd) {
    struct stat found{};
    return fstat(fd, &found) == 0 ? found.st_size : 0;
}

// From the end of the file of marks, which may be long.
std::int64_t last_noted_size(const std::string& log) {
    const FileDescriptor file(open((log + ".times").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return 0;
    std::array<char, 128> end{};
    const std::int64_t from = std::max<std::int64_t>(size_of(file.get()) - 128, 0);
    const ssize_t got = pread(file.get(), end.data(), end.size(), from);
    std::string_view text(end.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (text.ends_with('\n')) text.remove_suffix(1);
    text.remove_prefix(text.rfind('\n') + 1);  // npos + 1 is the beginning.
    std::int64_t size = 0;
    std::from_chars(text.data(), text.data() + text.size(), size);
    return size;
}

std::string put_aside(const std::string& path, int number) {
    return number == 0 ? path : fmt::format("{}.{}", path, number);
}

bool copy_whole(int from, const std::string& path) {
    const FileDescriptor to(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
    off_t offset = 0;
    std::array<char, 1 << 16> block{};
    for (;;) {
        const ssize_t got = pread(from, block.data(), block.size(), offset);
        if (got <= 0) return got == 0 && to.is_open();
        if (write(to.get(), block.data(), static_cast<size_t>(got)) != got) return false;
        offset += got;
    }
}

void rotate(const std::string& path, int fd, int files_max) {
    const std::string copy = path + ".new";
    std::error_code ignored;
    if (files_max > 1 && !copy_whole(fd, copy)) {
        log::warning("log_not_rotated", {{"file", path}, {"error", std::strerror(errno)}});
        std::filesystem::remove(copy, ignored);
        return;
    }
    for (int number = files_max - 1; number >= 1; --number) {
        const std::string target = put_aside(path, number);
        const std::string source = number == 1 ? copy : put_aside(path, number - 1);
        const std::string marks = number == 1 ? path : source;
        std::filesystem::rename(source, target, ignored);
        std::filesystem::rename(marks + ".times", target + ".times", ignored);
    }
    std::filesystem::remove(path + ".times", ignored);
    if (ftruncate(fd, 0) != 0) {
        log::warning("log_not_emptied", {{"file", path}, {"error", std::strerror(errno)}});
    }
}

class Reading : public LogSource::Reading {
public:
    Reading(EventLoop& loop, LogReadSpec spec, LogSource::OnChunk on_chunk, LogSource::OnEnd on_end)
        : loop_(loop),
          spec_(std::move(spec)),
          on_chunk_(std::move(on_chunk)),
          on_end_(std::move(on_end)) {
        open_segments();
        skip_before_since();
        skip_before_tail();
    }

    void next() override { look_after(Duration{0}); }

private:
    struct Segment {
        FileDescriptor file;
        std::int64_t offset = 0;  // Of what is read next.
        std::vector<TimeMark> marks;
    };

    // Oldest first; the last is the one that is written.
    void open_segments() {
        for (int number = 0; number < segments_max; ++number) {
            const std::string path = put_aside(spec_.path, number);
            FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
            if (!file.is_open()) break;
            segments_.push_back({.file = std::move(file), .marks = read_marks(path)});
        }
        std::ranges::reverse(segments_);
    }

    void skip_before_since() {
        if (!spec_.query.since) return;
        for (Segment& segment : segments_) {
            for (const TimeMark& mark : segment.marks) {
                if (mark.at < *spec_.query.since) segment.offset = mark.offset;
            }
        }
    }

    // Counts lines from the end. The end of the last line counts for nothing.
    void skip_before_tail() {
        if (!spec_.query.tail) return;
        std::int64_t missing = *spec_.query.tail;
        bool is_last_byte = true;
        for (size_t i = segments_.size(); i-- > 0;) {
            Segment& segment = segments_[i];
            std::int64_t at = size_of(segment.file.get());
            if (missing <= 0) {
                segment.offset = std::max(segment.offset, at);
                continue;
            }
            while (at > segment.offset && missing > 0) {
                const std::int64_t from = std::max(segment.offset, at - chunk_bytes);
                const std::string block = read_at(segment, from, at - from);
                for (size_t j = block.size(); j-- > 0;) {
                    const bool ends_line = block[j] == '\n' && !is_last_byte;
                    is_last_byte = false;
                    if (!ends_line || --missing > 0) continue;
                    segment.offset = from + static_cast<std::int64_t>(j) + 1;
                    break;
                }
                at = from;
            }
        }
    }

    static std::string read_at(const Segment& segment, std::int64_t offset, std::int64_t size) {
        std::string text(static_cast<size_t>(size), '\0');
        const ssize_t got = pread(segment.file.get(), text.data(), text.size(), offset);
        text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
        return text;
    }

    void look_after(Duration delay) {
        timer_ = loop_.after(delay, [this] { look(); });
    }

    void look() {
        while (!segments_.empty()) {
            Segment& segment = segments_.front();
            const bool is_written = segments_.size() == 1;
            if (is_written && size_of(segment.file.get()) < segment.offset && reopen()) continue;
            // Asked before reading: what is written until it is over is read after.
            const bool is_over = !spec_.query.is_following || spec_.is_over();
            const std::string text = read_at(segment, segment.offset, chunk_bytes);
            if (!text.empty()) {
                const std::string shown =
                    spec_.query.has_timestamps ? stamped(segment, text) : text;
                segment.offset += static_cast<std::int64_t>(text.size());
                // A copy: whoever takes the chunk may end this reading.
                const LogSource::OnChunk on_chunk = on_chunk_;
                return on_chunk(shown);
            }
            if (is_written && !is_over) return look_after(spec_.poll);
            if (is_written) break;
            segments_.erase(segments_.begin());
        }
        const LogSource::OnEnd on_end = on_end_;
        on_end({});
    }

    // The file was put aside under our hands: what we had not read of it is in the copy.
    bool reopen() {
        const std::int64_t read_until = segments_.front().offset;
        segments_.front().offset = 0;
        segments_.front().marks.clear();
        const std::string path = put_aside(spec_.path, 1);
        FileDescriptor copy(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!copy.is_open()) return true;
        segments_.insert(
            segments_.begin(),
            Segment{.file = std::move(copy), .offset = read_until, .marks = read_marks(path)});
        return true;
    }

    std::string stamped(const Segment& segment, const std::string& text) {
        std::string out;
        std::string_view rest = text;
        std::int64_t at = segment.offset;
        while (!rest.empty()) {
            if (is_at_line_start_) {
                const auto mark =
                    std::ranges::upper_bound(segment.marks, at, {}, &TimeMark::offset);
                const Instant time = mark == segment.marks.end() ? loop_.now() : mark->at;
                out += format_time_precise(time) + " ";
            }
            const size_t end = rest.find('\n');
            is_at_line_start_ = end != std::string_view::npos;
            const size_t length = is_at_line_start_ ? end + 1 : rest.size();
            out += rest.substr(0, length);
            rest.remove_prefix(length);
            at += static_cast<std::int64_t>(length);
        }
        return out;
    }

    EventLoop& loop_;
    LogReadSpec spec_;
    LogSource::OnChunk on_chunk_;
    LogSource::OnEnd on_end_;
    std::vector<Segment> segments_;
    bool is_at_line_start_ = true;
    EventLoop::Watch timer_;
};

}  // namespace

std::string log_path(const std::string& folder, std::string_view container, int run) {
    return fmt::format("{}/{}.{}.log", folder, container, run);
}

Result<FileDescriptor> open_for_append(const std::string& path) {
    FileDescriptor file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (file.is_open()) return file;
    return fail(ErrorKind::unavailable, fmt::format("open {}: {}", path, std::strerror(errno)));
}

void tend_log(const std::string& path, const LogLimits& limits, Instant now) {
    const FileDescriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file.is_open()) return;
    const std::int64_t size = size_of(file.get());
    if (size != last_noted_size(path)) {
        if (const auto times = open_for_append(path + ".times")) {
            const std::string line = fmt::format("{} {}\n", size, now.time_since_epoch().count());
            static_cast<void>(!write(times->get(), line.data(), line.size()));
        }
    }
    if (size > limits.bytes_max) rotate(path, file.get(), limits.files_max);
}

void remove_old_logs(const std::string& folder, std::string_view container, int run) {
    // Only one run has become old since the last time, unless a record was lost.
    const std::string prefix = fmt::format("{}.", container);
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(prefix)) continue;
        int of_run = 0;
        const char* end = name.data() + name.size();
        const auto [rest, problem] = std::from_chars(name.data() + prefix.size(), end, of_run);
        if (problem != std::errc() || !std::string_view(rest, end).starts_with(".log")) continue;
        if (of_run < run - 1) std::filesystem::remove(entry.path(), error);
    }
}

std::unique_ptr<LogSource::Reading> read_log(
    EventLoop& loop, LogReadSpec spec, LogSource::OnChunk on_chunk, LogSource::OnEnd on_end) {
    return std::make_unique<Reading>(loop, std::move(spec), std::move(on_chunk), std::move(on_end));
}

}  // namespace serin::node
