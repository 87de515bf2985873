#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace serin::cli {

// Lines of any length, without their ends.
class Lines {
public:
    explicit Lines(std::FILE* in) : in_(in) {}
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines() { std::free(buffer_); }

    bool next(std::string_view& line) {
        const ssize_t length = ::getline(&buffer_, &capacity_, in_);
        if (length < 0) return false;
        line = {buffer_, static_cast<std::size_t>(length)};
        while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
        ++number_;
        return true;
    }
    std::uint64_t number() const { return number_; }

private:
    std::FILE* in_;
    char* buffer_ = nullptr;
    std::size_t capacity_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace serin::cli
